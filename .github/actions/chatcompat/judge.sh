#!/usr/bin/env bash
# One run, its annotations, and its job summary. Everything that is wanted comes in variables, and none is read as shell.
# The exit code is the run's; where there is a report to compare with, and the run could judge, it is the comparison's.
set -uo pipefail

out="${OUT:-chatcompat-report}"
summary="${GITHUB_STEP_SUMMARY:-/dev/stdout}"
aside="$(mktemp -d)" || exit 2
trap 'rm -rf "$aside"' EXIT

options=(--out "$out" --format "${FORMATS:-json,md,html,junit,badge}")
[ -n "${ENDPOINT:-}" ] && options+=(--endpoint "$ENDPOINT")
[ -n "${BASE_URL:-}" ] && options+=(--base-url "$BASE_URL")
[ -n "${MODEL:-}" ] && options+=(--model "$MODEL")
[ -n "${KEY_ENV:-}" ] && options+=(--key-env "$KEY_ENV")
[ -n "${CASSETTES:-}" ] && options+=(--mode replay --cassettes "$CASSETTES")
[ -n "${BASELINE:-}" ] && options+=(--baseline "$BASELINE")
read -r -d '' -a more <<<"${ARGS:-}"
read -r -d '' -a selected <<<"${SELECT:-}"

before=""
if [ -n "${COMPARE_WITH:-}" ]; then
  before="$COMPARE_WITH"
  [ -d "$before" ] && before="$before/report.json"
  cp -- "$before" "$aside/before.json" || exit 2 # it may be what this run writes over
fi
rm -f -- "$out/report.json" # so that what is there afterwards is of this run

# What an endpoint says is printed, and must not be taken for a command of the runner.
if [ -n "${GITHUB_ACTIONS:-}" ]; then
  token="$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"
  echo "::stop-commands::$token"
fi
chatcompat run "${options[@]}" ${more[@]+"${more[@]}"} -- ${selected[@]+"${selected[@]}"}
code=$?
[ -n "${GITHUB_ACTIONS:-}" ] && echo "::$token::"
[ -f "$out/report.json" ] || exit "$code" # nothing was judged: the run has said why

chatcompat render "$out/report.json" --format github
if [ -n "$before" ]; then
  chatcompat diff "$aside/before.json" "$out/report.json" --format md >>"$summary"
  compared=$?
  [ "$code" -le 1 ] && code=$compared
fi
chatcompat render "$out/report.json" --format summary >>"$summary"
exit "$code"
