#!/bin/bash
# Trains on 2 machines of 4 GPUs each. Slurm starts the processes, Lightning finds each other by Slurm's variables; the same command
# resumes the run from its last checkpoint, so a job that is requeued goes on.
#
#     sbatch examples/slurm_train.sh data/faces runs/mine
#
# The batch size must be a multiple of the number of processes, 8 here.
#SBATCH --job-name=mimica-train
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=4
#SBATCH --gpus-per-node=4
#SBATCH --cpus-per-task=4
#SBATCH --time=24:00:00
#SBATCH --requeue
set -euo pipefail
srun mimica train ganimation --preset paper --data "$1" -o "$2" --set devices=4 --set nodes=2 --set batch_size=32 --set checkpoint_minutes=5

# Without Slurm, on each of the machines (N is 0 on the first, 1 on the second):
# torchrun --nnodes 2 --node-rank N --nproc-per-node 4 --master-addr FIRST --master-port 29500 -m mimica \
#     train ganimation --preset paper --data DATA -o RUN --set devices=4 --set nodes=2 --set batch_size=32 --set checkpoint_minutes=5
