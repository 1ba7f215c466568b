#!/bin/bash
# Annotates a long list of photos as a job array of Slurm: 20 jobs, each of which does its share of the parts. Any other queue will
# do that starts the same command with another number. Submit it again as it is if jobs were killed: what is done is not done again.
#
#     sbatch examples/slurm.sh photos.txt aus
#
# photos.txt lists paths, a line each, that all machines see under the same names, as they do the folder aus.
#SBATCH --job-name=mimica
#SBATCH --array=1-20
#SBATCH --cpus-per-task=8
#SBATCH --mem-per-cpu=500M
#SBATCH --time=04:00:00
#SBATCH --requeue
set -euo pipefail
list=$1
folder=$2
mimica annotate "@$list" -o "$folder" --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" --jobs "$SLURM_CPUS_PER_TASK"

# When all are done:  mimica merge aus -o aus.parquet
