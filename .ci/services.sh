#!/usr/bin/env bash
# Makes sure that PostgreSQL, MariaDB and Redis answer on 127.0.0.1: starts what is installed, installs what is missing.
set -u

apt_install() {
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

wait_for() {
  for _ in $(seq 1 120); do "$@" >/dev/null 2>&1 && return 0; sleep 1; done
  return 1
}

postgres_answers() { (exec 3<>/dev/tcp/127.0.0.1/5432) 2>/dev/null; }
redis_answers() { (exec 3<>/dev/tcp/127.0.0.1/6379) 2>/dev/null; }
mariadb_answers() { (exec 3<>/dev/tcp/127.0.0.1/3306) 2>/dev/null; }

if [ -z "${TEST_POSTGRES_URL:-}" ] && ! postgres_answers; then
  command -v pg_ctlcluster >/dev/null || apt_install postgresql || exit 1
  version=$(ls /etc/postgresql | tail -n 1)
  hba=/etc/postgresql/$version/main/pg_hba.conf
  sed -i -E 's#^(host +all +all +127.0.0.1/32 +).*#\1trust#' "$hba"
  pg_ctlcluster --skip-systemctl-redirect "$version" main restart
  wait_for postgres_answers || { echo 'PostgreSQL does not answer'; exit 1; }
  runuser -u postgres -- createdb test 2>/dev/null || true
fi

if [ -z "${TEST_MYSQL_URL:-}" ] && ! mariadb_answers; then
  command -v mariadbd >/dev/null || [ -x /usr/sbin/mariadbd ] || apt_install mariadb-server || exit 1
  mkdir -p /run/mysqld && chown mysql:mysql /run/mysqld
  start-stop-daemon --start --oknodo --background --exec /usr/sbin/mariadbd
  wait_for mariadb_answers || { echo 'MariaDB does not answer'; exit 1; }
  mariadb -e "CREATE DATABASE IF NOT EXISTS test; ALTER USER root@localhost IDENTIFIED BY ''" || exit 1
fi

if [ -z "${TEST_REDIS_URL:-}" ] && ! redis_answers; then
  command -v redis-server >/dev/null || apt_install redis-server || exit 1
  redis-server --bind 127.0.0.1 --port 6379 --save '' --daemonize yes >/dev/null
  wait_for redis_answers || { echo 'Redis does not answer'; exit 1; }
fi

echo 'PostgreSQL, MariaDB and Redis answer'
