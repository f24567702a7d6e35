"""One file per lesson, and beside it the script that draws its picture in a browser."""
