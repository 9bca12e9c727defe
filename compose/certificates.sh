#!/bin/sh
# Makes the authority of this installation, and for each part its own key with a certificate. Runs at every start: what
# is good for RENEW_DAYS more stays as it is, what is not is made anew.
#   certificates.sh                   as above
#   certificates.sh new-authority     a new authority signs from now on; both are trusted
#   certificates.sh forget-previous   the one before is trusted no more
# AUTHORITY holds the authority's key; no service sees that folder. TRUST holds what everybody may read. CERTIFICATES
# has a folder for each part, which that part alone sees.
set -eu
umask 077

authority=${AUTHORITY:-/authority}
trust=${TRUST:-/trust}
certificates=${CERTIFICATES:-/certificates}
leaf_days=${LEAF_DAYS:-397}
renew_days=${RENEW_DAYS:-60}
authority_days=3650
asked=${1:-}

case $asked in
  '' | new-authority | forget-previous) ;;
  *)
    echo "certificates.sh: there is no '$asked'; there are new-authority and forget-previous" >&2
    exit 2
    ;;
esac

made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT

cat >"$made/openssl.cnf" <<'CONFIG'
[req]
distinguished_name = named
prompt = no
[named]
CN = ${ENV::NAME}
[authority]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:${ENV::NAME}
[client]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
subjectAltName = DNS:${ENV::NAME}
[both]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
subjectAltName = DNS:${ENV::NAME}
CONFIG

key_and_certificate() { # name, section, days, further options
  NAME=$1 section=$2 days=$3
  shift 3
  NAME=$NAME openssl req -config "$made/openssl.cnf" -extensions "$section" -x509 -days "$days" -sha256 -nodes \
    -newkey ec -pkeyopt ec_paramgen_curve:P-256 -keyout "$made/key.pem" -out "$made/certificate.pem" \
    "$@" 2>"$made/said" || {
    cat "$made/said" >&2
    exit 1
  }
}

good_for() { # file, days
  openssl x509 -in "$1" -noout -checkend $(($2 * 86400)) >/dev/null 2>&1
}

# An authority that ends before the certificates that it signs now is replaced in time.
if [ "$asked" = new-authority ] || ! good_for "$authority/certificate.pem" "$leaf_days"; then
  if [ -e "$authority/certificate.pem" ]; then
    mv "$authority/certificate.pem" "$authority/previous.pem"
  fi
  # The moment in the name keeps two authorities apart.
  key_and_certificate "Homeward authority of $(date -u +%Y-%m-%dT%H:%M:%SZ)" authority "$authority_days"
  mv "$made/key.pem" "$authority/key.pem"
  mv "$made/certificate.pem" "$authority/certificate.pem"
fi
if [ "$asked" = forget-previous ]; then
  rm -f "$authority/previous.pem"
fi
cat "$authority/certificate.pem" >"$made/ca.pem"
if [ -e "$authority/previous.pem" ]; then
  cat "$authority/previous.pem" >>"$made/ca.pem"
fi
chmod 0444 "$made/ca.pem"
# Written in place of the old one in one step: a part that starts meanwhile reads either.
cp -p "$made/ca.pem" "$trust/ca.pem.new"
mv "$trust/ca.pem.new" "$trust/ca.pem"
chmod 0755 "$trust"

belongs_together() { # folder; a run that was cut off may have left a new key beside an old certificate
  [ "$(openssl x509 -in "$1/certificate.pem" -noout -pubkey 2>&1)" = "$(openssl pkey -in "$1/key.pem" -pubout 2>&1)" ]
}

part() { # name, section, owner, mode of its key
  folder=$certificates/$1
  mkdir -p "$folder"
  if ! good_for "$folder/certificate.pem" "$renew_days" ||
    ! openssl verify -CAfile "$authority/certificate.pem" "$folder/certificate.pem" >/dev/null 2>&1 ||
    ! belongs_together "$folder"; then
    key_and_certificate "$1" "$2" "$leaf_days" -CA "$authority/certificate.pem" -CAkey "$authority/key.pem"
    chmod "$4" "$made/key.pem"
    chmod 0444 "$made/certificate.pem"
    if [ "$(id -u)" -eq 0 ]; then
      chown "$3" "$made/key.pem" "$made/certificate.pem"
      chown "$3" "$folder"
    fi
    mv "$made/key.pem" "$folder/key.pem"
    mv "$made/certificate.pem" "$folder/certificate.pem"
  fi
  echo "$1: until $(openssl x509 -in "$folder/certificate.pem" -noout -enddate | cut -d= -f2)"
}

# Owners are the users that the images run as.
part postgresql server postgres 0600
# Its own parts speak to each other with the same certificate, so it serves and asks.
part temporal both 1000 0400
part operator client 1000 0400
part worker client 10001 0400
part desk both 10001 0400
# As whom the image of the engine's pages runs has changed from version to version; nobody else sees this folder.
part temporal-ui client 0 0444
chmod 0755 "$certificates/temporal-ui"
