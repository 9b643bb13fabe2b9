"""`python -m bcdi_inpaint`, the same as the command `bcdi-inpaint`."""

from bcdi_inpaint.cli import main

if __name__ == "__main__":
    main(prog_name="bcdi-inpaint")
