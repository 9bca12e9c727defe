#!/bin/sh
# Makes the namespace and its search attributes. Runs at every start; changes nothing that is already so.
# TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE say where; CASE_RETENTION how long the engine keeps a run that has ended.
set -eu

attempts=0
until temporal operator cluster health >/dev/null 2>&1; do
  attempts=$((attempts + 1))
  if [ "$attempts" -ge 30 ]; then
    echo "no engine answers at $TEMPORAL_ADDRESS" >&2
    exit 1
  fi
  sleep 2
done

if ! temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1; then
  temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$CASE_RETENTION" \
    --description 'Return cases'
fi

# A new namespace is known everywhere in the engine only after some seconds.
attempts=0
until existing=$(temporal operator search-attribute list --namespace "$TEMPORAL_NAMESPACE" --output json 2>/dev/null); do
  attempts=$((attempts + 1))
  if [ "$attempts" -ge 30 ]; then
    echo "the namespace $TEMPORAL_NAMESPACE does not answer" >&2
    exit 1
  fi
  sleep 2
done

while read -r type name; do
  case $existing in
    *"\"$name\""*) ;;
    *) temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" --name "$name" --type "$type" ;;
  esac
done <<'ATTRIBUTES'
Keyword HomewardStage
Keyword HomewardHostState
Keyword HomewardOriginState
Keyword HomewardAgreement
KeywordList HomewardHolds
KeywordList HomewardAwaiting
Datetime HomewardNextDue
Bool HomewardOverdue
ATTRIBUTES

echo "namespace $TEMPORAL_NAMESPACE: ready"
