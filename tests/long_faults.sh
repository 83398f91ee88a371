#!/bin/sh
# The first 400 of every kind of failing call (cli_faults.sh has a few of each).
exec sh "$(dirname "$0")/cli_faults.sh" --long
