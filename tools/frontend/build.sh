#!/bin/sh
# Builds desk/static/vendor anew from package-lock.json: `make frontend`, after a version there was changed.
# The same versions give the same bytes. `pyftsubset` comes with the Python environment.
set -eu
cd "$(dirname "$0")"
subset=${1:?the program pyftsubset}
vendor=../../desk/static/vendor

npm ci --ignore-scripts --silent
rm -rf "$vendor/fonts" "$vendor/images"
mkdir -p "$vendor/fonts" "$vendor/images"

sass() { npx --no-install sass --no-source-map --style=compressed --quiet-deps --load-path=. --load-path=node_modules "$@"; }
sass desk.scss "$vendor/govuk.css"
sass moj.scss "$vendor/moj.css"

# Maps for a debugger are left out, and so is the line that asks for one.
sed '/^\/\/# sourceMappingURL=/d; s/\/\/# sourceMappingURL=.*$//' \
  node_modules/govuk-frontend/dist/govuk/govuk-frontend.min.js >"$vendor/govuk-frontend.min.js"
for script in htmx.min.js ext/hx-sse.min.js; do
  sed 's/\/\/# sourceMappingURL=.*$//' "node_modules/htmx.org/dist/$script" >"$vendor/$(basename "$script")"
done

for icon in $(grep -o 'images/icon-[a-z-]*\.svg' "$vendor/moj.css" | sort -u); do
  cp "node_modules/@ministryofjustice/frontend/moj/assets/$icon" "$vendor/images/"
done

# The letters of the desk's own languages that lie in large subsets get small files of their own: a page in Romanian
# or Kyrgyz, or the switch that names them, then needs two thousand bytes and not fifty thousand.
for weight in 400 700; do
  for part in latin latin-ext cyrillic cyrillic-ext; do
    cp "node_modules/@fontsource/noto-sans/files/noto-sans-$part-$weight-normal.woff2" "$vendor/fonts/noto-sans-$part-$weight.woff2"
  done
  "$subset" "$vendor/fonts/noto-sans-latin-ext-$weight.woff2" --flavor=woff2 --layout-features='*' \
    --unicodes=U+0102-0103,U+015E-015F,U+0162-0163,U+0218-021B --output-file="$vendor/fonts/noto-sans-romanian-$weight.woff2"
  "$subset" "$vendor/fonts/noto-sans-cyrillic-ext-$weight.woff2" --flavor=woff2 --layout-features='*' \
    --unicodes=U+04A2-04A3,U+04AE-04AF,U+04E8-04E9 --output-file="$vendor/fonts/noto-sans-kyrgyz-$weight.woff2"
done
cp node_modules/@fontsource/noto-sans/LICENSE "$vendor/fonts/OFL.txt"
cp node_modules/htmx.org/LICENSE "$vendor/LICENSE-htmx.txt"
