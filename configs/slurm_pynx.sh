#!/bin/bash
# PyNX's own command with the fill, on one GPU of a Slurm cluster.
# Submit: sbatch configs/slurm_pynx.sh --data scan_inpainted.cxi --nb_run 20 --nb_run_keep 10
# At ESRF: add --partition=gpu,p9gpu
# Where the time limit stops it, submit the same once more: runs that are done stay.
#SBATCH --job-name=bcdi-pynx
#SBATCH --gres=gpu:1
#SBATCH --cpus-per-task=4
#SBATCH --mem=32G
#SBATCH --time=02:00:00
set -euo pipefail
[ $# -gt 0 ] || { echo "what to phase? for example --data scan_inpainted.cxi" >&2; exit 2; }

# bcdi-inpaint has to be installed for the Python of this module.
module load pynx
bcdi-inpaint pynx-cdi-id01 "$@"
