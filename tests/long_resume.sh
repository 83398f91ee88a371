#!/bin/sh
# long_resume.sh: cli_resume.sh with 20 kills at random moments.
exec sh "$(dirname "$0")/cli_resume.sh" 20
