# Sourced by up: the images that a registry would give, in the shape of the real ones, made from Debian, PyPI and npm.
# shellcheck shell=bash

base_packages=python3,python3-venv,bash,curl,procps,sudo,iputils-ping,iproute2,ca-certificates,netbase,tini,redis-server,iptables,busybox-static
base_image=ray-ep-lab/base:latest
ray_home=/home/ray
# What images are made of is written on them; a change here makes them anew.
recipe=$(cksum < "${BASH_SOURCE[0]}" | cut -d ' ' -f 1)

make_images() {
  local version=$1 before
  before=$(lab_docker images --quiet --no-trunc | sort -u)
  has_recipe "$base_image" "$recipe" || make_base
  has_recipe node:24-bookworm-slim "$recipe" || make_node_image
  has_recipe docker:cli "$recipe" || make_client_image
  # Kept: an image without Ray has it installed from them (LAB_WHEELS).
  fetch_wheels "$version" "$lab_cache/wheels-$version"
  has_recipe "rayproject/ray:$version" "$recipe-$version" || make_ray_image "$version"
  has_recipe "rayproject/ray:$version-gpu" "$recipe-$version-gpu" || make_gpu_image "$version"
  lab_docker tag "rayproject/ray:$version" rayproject/ray:latest
  lab_docker tag "rayproject/ray:$version-gpu" rayproject/ray:latest-gpu
  # What a new recipe has replaced goes. Not at other times: a build under way has images without a name, too.
  [ "$before" = "$(lab_docker images --quiet --no-trunc | sort -u)" ] || lab_docker image prune --force >/dev/null
}

has_recipe() {
  [ "$(lab_docker image inspect --format '{{index .Config.Labels "io.ray-entrypoint.lab"}}' "$1" 2>/dev/null)" = "$2" ]
}

make_base() {
  say "Making the base image: Debian bookworm with Python, tini and tools (about 40 s)"
  local mirror tar=$lab_cache/base.tar build=$lab_cache/build
  # Of an up that was interrupted. Its mounts ended with it: mmdebstrap has a mount namespace of its own.
  rm -rf --one-file-system "$build"
  mkdir -p "$build"
  # The machine's own mirror, if it is a bookworm.
  mirror=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' | awk '$2 == "bookworm" && $3 == "main" { print $1; exit }')
  TMPDIR=$build PATH="$lab_root/usr/bin:$PATH" mmdebstrap --quiet --variant=minbase --include="$base_packages" \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    bookworm "$tar" ${mirror:+"$mirror"} > "$lab_cache/base.log" 2>&1 || {
    tail -n 15 "$lab_cache/base.log" >&2
    fail "mmdebstrap could not make the base image." "See its output above; all of it is in $lab_cache/base.log."
  }
  lab_docker import --change 'CMD ["bash"]' --change "LABEL io.ray-entrypoint.lab=$recipe" "$tar" "$base_image" >/dev/null
  rm -rf "$tar" "$build"
}

make_node_image() {
  local node=$repository/node_modules/node/bin/node container=ray-ep-lab-make-node
  [ -x "$node" ] || (cd "$repository" && npm run --silent setup)
  say "Making node:24-bookworm-slim"
  lab_docker rm --force "$container" >/dev/null 2>&1 || true
  lab_docker create --name "$container" "$base_image" useradd --uid 1000 --user-group --shell /bin/bash --create-home node >/dev/null
  lab_docker cp "$node" "$container:/usr/local/bin/node"
  lab_docker start --attach "$container"
  lab_docker commit --change 'CMD ["node"]' --change "LABEL io.ray-entrypoint.lab=$recipe" "$container" node:24-bookworm-slim >/dev/null
  lab_docker rm "$container" >/dev/null
}

# This lab's own client and compose, where the real image has its own.
make_client_image() {
  say "Making docker:cli"
  local folder=$lab_cache/client plugins=usr/local/libexec/docker/cli-plugins
  rm -rf "$folder"
  mkdir -p "$folder/usr/local/bin" "$folder/$plugins"
  cp -L "$(PATH="$lab_bin:$PATH" command -v docker)" "$folder/usr/local/bin/docker"
  [ ! -f "$lab_cache/docker-config/cli-plugins/docker-compose" ] || cp "$lab_cache/docker-config/cli-plugins/docker-compose" "$folder/$plugins"
  tar -C "$folder" -c . | lab_docker import --change "LABEL io.ray-entrypoint.lab=$recipe" - docker:cli >/dev/null
  rm -rf "$folder"
}

make_ray_image() {
  local version=$1 wheels=$lab_cache/wheels-$1 container
  say "Installing Ray $version into rayproject/ray:$version (about 40 s)"
  container=ray-ep-lab-make-$version
  lab_docker rm --force "$container" >/dev/null 2>&1 || true
  lab_docker run --name "$container" --network none --volume "$wheels:/wheels:ro" "$base_image" bash -euc "
    useradd --create-home --shell /bin/bash --home-dir $ray_home --uid 1000 --gid 100 ray
    usermod --append --groups sudo ray
    echo 'ray ALL=NOPASSWD: ALL' >> /etc/sudoers
    runuser -u ray -- python3 -m venv $ray_home/anaconda3
    HOME=$ray_home runuser -u ray -- $ray_home/anaconda3/bin/pip install --quiet --no-cache-dir --no-index --find-links /wheels 'ray[default]==$version'
    echo 'export PATH=\$HOME/anaconda3/bin:\$PATH' >> $ray_home/.bashrc
  " > "$lab_cache/ray.log" 2>&1 || {
    tail -n 15 "$lab_cache/ray.log" >&2
    fail "Ray $version could not be installed into its image." "See its output above."
  }
  commit_ray "$container" "rayproject/ray:$version" "$recipe-$version"
  lab_docker rm "$container" >/dev/null
}

# The settings of the real image: no ENTRYPOINT, a user that is not root, PATH from ENV alone.
commit_ray() {
  lab_docker commit --change "ENV HOME=$ray_home LANG=C.UTF-8 LC_ALL=C.UTF-8 TZ=America/Los_Angeles" \
    --change "ENV PATH=$ray_home/anaconda3/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/nvidia/bin" \
    --change "ENV LD_LIBRARY_PATH=:/usr/local/nvidia/lib64" \
    --change 'USER 1000' --change "WORKDIR $ray_home" --change 'CMD ["/bin/bash"]' --change "LABEL io.ray-entrypoint.lab=$3" \
    "$1" "$2" >/dev/null
}

# The same with the GPU's settings: no layer of its own, so that it costs no disk.
make_gpu_image() {
  local container=ray-ep-lab-make-gpu
  lab_docker rm --force "$container" >/dev/null 2>&1 || true
  lab_docker create --name "$container" "rayproject/ray:$1" >/dev/null
  lab_docker commit --change 'ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility' \
    --change "LABEL io.ray-entrypoint.lab=$recipe-$1-gpu" "$container" "rayproject/ray:$1-gpu" >/dev/null
  lab_docker rm "$container" >/dev/null
}

# On the machine, since containers have no way out; for the Python of the base image and not for the machine's own.
fetch_wheels() {
  local version=$1 wheels=$2 platform
  [ ! -f "$wheels/.whole" ] || return 0
  say "Fetching Ray $version and what it needs from PyPI (about 150 MB)"
  [ -x "$lab_cache/pip/bin/pip" ] || python3 -m venv "$lab_cache/pip" ||
    fail "python3 cannot make a virtual environment." "Install Debian's python3-venv."
  local platforms=()
  for platform in manylinux_2_28 manylinux_2_17 manylinux2014 manylinux_2_12 manylinux2010 manylinux_2_5 manylinux1; do
    platforms+=(--platform "${platform}_$(uname -m)")
  done
  "$lab_cache/pip/bin/pip" download --quiet --only-binary=:all: --implementation cp --python-version 3.11 "${platforms[@]}" \
    --dest "$wheels" "ray[default]==$version" uv > "$lab_cache/pip.log" 2>&1 || {
    tail -n 10 "$lab_cache/pip.log" >&2
    fail "pip could not fetch ray[default]==$version." "See its output above."
  }
  touch "$wheels/.whole"
}
