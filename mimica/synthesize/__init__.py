"""`mimica synthesize`: face photos -> the same faces under known Action Units, with exact labels, in WebDataset shards.

units, mixtures    Action Units -> shapes of the rig; which of them a frame shows
rig, fit           the 3-D face (ICT-FaceKit); the rig fitted to a photo
layers, frame, mouth, creases, light    a fitted photo, taken apart and put together again with other units
rigged, engine     the two renderers: the rig, and the engine `ganimation` with pose and gaze
sample, job, card  what is written for a frame; the work of a part; the data card
edits              the same machinery for `mimica edit` over many photos
"""
