#!/bin/sh
# The root file system of the image: the binary, the libraries that it names, authorities' certificates, and no shell.
#
#   rootfs.sh BINARY DIRECTORY
#
# Run in the Dockerfile's build stage, or on the same Debian without any container engine: the same files either way.
set -eu
binary=$1 root=$2
rm -rf "$root"
mkdir -p "$root/usr/bin" "$root/usr/lib/ssl" "$root/etc/ssl/certs" "$root/tmp" "$root/data" "$root/usr/share/doc"

cp "$binary" "$root/usr/bin/rollcall"
# What is lost is told by the build's own symbols, which nobody ships.
strip "$root/usr/bin/rollcall"

# `ldd` names each library with its path, and the loader.
ldd "$binary" | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p; s/^[[:space:]]*\(\/[^ ]*\) .*/\1/p' | sort -u | while read -r library; do
  mkdir -p "$root$(dirname "$library")"
  cp -L "$library" "$root$library"
  # The licence of each; Debian knows some by their path from before /lib moved into /usr.
  real=$(readlink -f "$library")
  package=$({ dpkg -S "$real" || dpkg -S "${real#/usr}"; } 2>/dev/null | head -n 1 | cut -d: -f1)
  if [ -n "$package" ] && [ -e "/usr/share/doc/$package/copyright" ]; then
    mkdir -p "$root/usr/share/doc/$package"
    cp -L "/usr/share/doc/$package/copyright" "$root/usr/share/doc/$package/copyright"
  fi
done

cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
ln -s /etc/ssl/certs/ca-certificates.crt "$root/usr/lib/ssl/cert.pem"
echo 'nonroot:x:65532:65532:nonroot:/nonexistent:/sbin/nologin' > "$root/etc/passwd"
echo 'nonroot:x:65532:' > "$root/etc/group"
echo 'hosts: files dns' > "$root/etc/nsswitch.conf"
chmod 1777 "$root/tmp"
# For a data directory that nothing is mounted on.
chmod 0777 "$root/data"
