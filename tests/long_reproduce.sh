#!/bin/sh
# long_reproduce.sh: every document reproduced as a whole, and killed between its steps.
exec sh "$(dirname "$0")/cli_reproduce.sh" --long
