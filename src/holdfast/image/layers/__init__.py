"""From files to layers: wheels and folders as entries, entries as a tar, the tar compressed, kept.

The same entries give the same bytes, on any day, in any folder, for any user. Nothing of a wheel is
installed, run or unpacked to disk.
"""
