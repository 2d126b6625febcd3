#!/bin/sh
# Puts what the image needs below $1: the files of some Debian packages, the libraries that their programs load, and
# nothing else. Runs once, in a stage of deploy/Containerfile.
set -eu
root=$1

# What git-sidecar starts, and what the hooks and ssh commands of users are written with.
packages='base-files base-passwd bash coreutils dash diffutils findutils grep gzip hostname mawk sed tar
  ca-certificates curl git git-lfs libnss-wrapper openssh-client'

# Left out of them: documents, other languages, what needs perl or python, servers, and transports that nobody uses.
unwanted='
^/usr/share/(bash-completion|bug|common-licenses/\..*|doc-base|gitweb|i18n|info|linda|lintian|locale|man|menu|perl5|pixmaps)(/|$)
^/usr/share/doc/[^/]+/(?!copyright$)
^/usr/share/git-core/contrib(/|$)
^/etc/(bash_completion\.d|init\.d|default|update-motd\.d|cron)
^/usr/lib/(systemd|mime)(/|$)
^/(usr/)?lib/git-core/(git-(add--interactive|archimport|citool|cvs.*|daemon|difftool--helper|filter-branch|gui.*|http-backend|http-push|imap-send|instaweb|mergetool.*|p4|quiltimport|request-pull|send-email|shell|sh-prompt|subtree|svn|web--browse)|mergetools|scalar)(/|$)
^/usr/bin/(git-shell|scalar|gitk|mawkcli|chcon|runcon|c_rehash|bashbug)$
^/usr/sbin/(chroot|update-passwd|update-ca-certificates|addgnupghome|applygnupgdefaults)$
^/usr/lib/openssh/(agent-launch|ssh-pkcs11-helper|ssh-sk-helper)$
'
pattern=$(printf '%s' "$unwanted" | grep -v '^$' | paste -sd'|')

mkdir -p "$root"
# The links of a merged /usr come first, so that nothing becomes a directory in their place.
for name in bin lib lib32 lib64 libx32 sbin; do
  [ ! -L "/$name" ] || { mkdir -p "$root/usr/$name" && cp -P "/$name" "$root/$name"; }
done

put() {
  [ -e "$1" ] || [ -L "$1" ] || return 0
  directory=$(dirname "$1")
  [ -d "$root$directory" ] || { put "$directory"; }
  if [ -d "$1" ] && [ ! -L "$1" ]; then
    [ -d "$root$1" ] || { mkdir -p "$root$1"; chmod --reference="$1" "$root$1"; }
  else
    cp -P --preserve=mode,links,timestamps "$1" "$root$1"
  fi
}

# A library under every name that leads to it.
put_library() {
  path=$1
  while :; do
    [ -e "$root$path" ] || put "$path"
    [ -L "$path" ] || break
    target=$(readlink "$path")
    case $target in /*) path=$target ;; *) path=$(dirname "$path")/$target ;; esac
  done
}

# Hard links stay what they are: git's programs are one file under many names.
list=$(mktemp)
for package in $packages; do dpkg -L "$package"; done | grep -vP "$pattern" | sort -u > "$list"
while read -r path; do [ ! -d "$path" ] || [ -L "$path" ] || put "$path"; done < "$list"
while read -r path; do
  if [ -L "$path" ] || { [ -e "$path" ] && [ ! -d "$path" ]; }; then printf '%s\n' "${path#/}"; fi
done < "$list" | grep -vxE 'bin|lib|lib32|lib64|libx32|sbin' > "$list.files"
tar -C / --no-recursion -cf - --files-from="$list.files" | tar -C "$root" -xpf - --no-same-owner
# What the packages' scripts have made, and what is read by name.
for path in /etc/passwd /etc/group /etc/nsswitch.conf /etc/ssl/certs/ca-certificates.crt /etc/os-release /bin/sh /usr/bin/awk \
  /usr/bin/getent /usr/lib/locale/C.utf8; do
  if [ -d "$path" ]; then mkdir -p "$root$(dirname "$path")"; cp -a "$path" "$root$path"; else put_library "$path"; fi
done
[ -e "$root/usr/bin/awk" ] || ln -s mawk "$root/usr/bin/awk"

# Encodings that files of a repository may have (`working-tree-encoding`), without those of mainframes.
for directory in /usr/lib/*/gconv; do
  mkdir -p "$root$directory"
  for file in "$directory"/*; do
    case ${file##*/} in IBM* | EBCDIC* | gconv-modules.cache | MAC* | INIS* | T.61* | ANSI* | ECMA* | NATS* | ISO_*) ;; *) cp -a "$file" "$root$file" ;; esac
  done
done

find "$root" -type f -perm /111 -o -type f -name '*.so*' | while read -r file; do
  ldd "$file" 2> /dev/null | grep -oE '/[^ )]+' || true
done | sort -u | while read -r library; do
  case $library in "$root"*) ;; *) put_library "$library" ;; esac
done
# The loader is asked for by a path of its own.
for path in /lib/ld-linux* /lib64/ld-linux*; do put_library "$path"; done

mkdir -p "$root/proc" "$root/sys" "$root/dev" "$root/run" "$root/root" "$root/home" "$root/var/tmp" "$root/tmp"
chmod 1777 "$root/tmp" "$root/var/tmp"
rm -rf "$root/etc/ld.so.cache"

# What scanners read: the packages whose files are here; and their licences.
mkdir -p "$root/var/lib/dpkg"
# A link such as /lib belongs to each package that has a file behind it.
find "$root" -mindepth 2 \( -type f -o -type l \) -printf '/%P\n' | grep -v '^/var/lib/dpkg' > "$list"
owners=$({ cat "$list"; sed -n 's#^/usr\(/.*\)#\1#p' "$list"; } | xargs -d '\n' dpkg -S 2> /dev/null \
  | grep -v '^diversion ' | sed 's/: .*//; s/:[a-z0-9]*$//' | tr -d ' ' | tr ',' '\n' | sort -u)
for package in $owners; do
  put "/usr/share/doc/$package/copyright"
  dpkg-query -s "$package"
  echo
done > "$root/var/lib/dpkg/status"
