#!/bin/bash
# A night's scans on a Slurm cluster: one scheduler, and as many dask workers as tasks are given.
# Submit: sbatch --ntasks=32 configs/slurm_predict.sh raw.h5 --scans 1-200 -o filled/
# With GPUs, for example at ESRF: add --partition=gpu --gres=gpu:1 --ntasks=1
#SBATCH --job-name=bcdi-inpaint
#SBATCH --cpus-per-task=2
#SBATCH --mem-per-cpu=4G
#SBATCH --time=04:00:00
#SBATCH --requeue
set -euo pipefail
[ $# -gt 0 ] || { echo "what to fill? for example raw.h5 --scans 1-200 -o filled/" >&2; exit 2; }
address=$(pwd)/.scheduler-$SLURM_JOB_ID.json
trap 'rm -f "$address"; kill $(jobs -p) 2>/dev/null' EXIT

# pip install 'bcdi-inpaint[cluster]' in the environment that is active here.
export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}
dask scheduler --scheduler-file "$address" &
until [ -s "$address" ]; do sleep 1; done
srun dask worker --scheduler-file "$address" --nthreads 1 --memory-limit 0 &
scheduler=$(python -c 'import json, sys; print(json.load(open(sys.argv[1]))["address"])' "$address")

# Killed or out of time, the same command does the rest.
bcdi-inpaint predict "$@" --scheduler "$scheduler"
