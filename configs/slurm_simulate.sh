#!/bin/bash
# A campaign on a Slurm cluster: one scheduler, and as many dask workers as tasks are given.
# Submit: sbatch --ntasks=64 configs/slurm_simulate.sh configs/patterns.yaml patterns.h5
#SBATCH --job-name=bcdi-patterns
#SBATCH --cpus-per-task=1
#SBATCH --mem-per-cpu=4G
#SBATCH --time=04:00:00
#SBATCH --requeue
set -euo pipefail
recipe=${1:?a recipe, for example configs/patterns.yaml}
output=${2:?the file to write, in a folder that all nodes see}
address=$(dirname "$(realpath -m "$output")")/.scheduler-$SLURM_JOB_ID.json
trap 'rm -f "$address"; kill $(jobs -p) 2>/dev/null' EXIT

# pip install 'bcdi-inpaint[cluster,simulate]' in the environment that is active here.
dask scheduler --scheduler-file "$address" &
until [ -s "$address" ]; do sleep 1; done
srun dask worker --scheduler-file "$address" --nthreads 1 --memory-limit 4GB &
scheduler=$(python -c 'import json, sys; print(json.load(open(sys.argv[1]))["address"])' "$address")

# Killed or out of time, the same command goes on where it was.
bcdi-inpaint simulate "$recipe" -o "$output" --scheduler "$scheduler"
