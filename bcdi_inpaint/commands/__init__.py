"""The commands of `bcdi-inpaint`, one a file: parse, call, print."""
