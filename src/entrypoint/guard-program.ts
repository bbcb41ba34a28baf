/**
 * What the guard runs (guard.ts), in bash alone, as it must work when all else fails. $1: the clock, in the form of
 * /proc/uptime, which goes on while the machine sleeps. Each line of its input is a word: `session N`, the session to
 * kill; `until MS`, when, in milliseconds since boot, unless a later time is told before; `dismissed`. The end of its
 * input kills at once.
 *
 * It looks at the clock each half second, since a `read` with a time limit stands still in the machine's sleep. Bash 5.2
 * times that by the wall clock besides (lib/sh/timers.c), which somebody may set: so what it had read of a line is kept.
 */
export const GUARD_PROGRAM = `
trap '' HUP INT QUIT TERM USR1 USR2 TSTP TTIN TTOU
clock=$1 session= ends= why='the supervisor is gone' line= wait=
look() { read -r up _ < "$clock" && now=$((10#\${up/./} * 10)); }
look || exit 1
echo stands
while :; do
  if [ -n "$session" ] && [ -n "$ends" ]; then
    look || { why='the clock cannot be read'; break; }
    left=$((ends - now))
    [ "$left" -gt 0 ] || { why='the head lease was not renewed in time'; break; }
    [ "$left" -lt 500 ] || left=500
    printf -v wait '0.%03d' "$left"
  fi
  IFS= read -r \${wait:+-t "$wait"} word
  status=$?
  line=$line$word
  [ "$status" -le 128 ] || continue
  [ "$status" -eq 0 ] || break
  case $line in
    dismissed) exit 0 ;;
    session\\ *) session=\${line#* } ;;
    until\\ *) ends=\${line#* } ;;
  esac
  line=
done
[ -n "$session" ] || exit 0
killed=0 round=0 found=1
while [ "$found" = 1 ] && [ "$round" -lt 100 ]; do
  found=0 round=$((round + 1))
  for stat in /proc/[0-9]*/stat; do
    { read -r line < "$stat"; } 2>/dev/null || continue
    fields=(\${line##*) })
    [ "\${fields[3]}" = "$session" ] && [ "\${fields[0]}" != Z ] || continue
    kill -KILL "\${line%% *}" 2>/dev/null && found=1 killed=1
  done
done
[ "$killed" = 0 ] || echo "✗ The guard killed Ray: $why" >&2
exit 3
`;

/** Its exit code when it has done its work. */
export const HAS_ACTED = 3;
