"""The commands of `funcdl-cli`, a file each, and what they share. They parse, call and print."""
