#!/usr/bin/env bash
# A Slurm of this one machine for tests, without systemd and accounting: one_node.sh {start|stop} FOLDER
# Needs root, slurm-wlm and munge (Debian). All it writes is in FOLDER, but for /etc/slurm/slurm.conf: the jobs' nested
# srun finds no other place. A slurm.conf that this script did not write is left alone, and start fails.
set -euo pipefail
CONF=/etc/slurm/slurm.conf
MARK="# Written by Privatune's tests for one run; delete it if no slurmctld is running."
FOLDER=$2

ours() { [ "$(head -n 1 $CONF 2>/dev/null)" = "$MARK" ]; }

start() {
  [ ! -e $CONF ] || ours || { echo "$CONF is another Slurm's" >&2; exit 1; }
  host=$(hostname -s) cpus=$(nproc)
  memory=$(awk '/MemTotal/ {print int($2 / 1024 * 0.95)}' /proc/meminfo)
  mkdir -p "$FOLDER"/{state,spool} /etc/slurm
  chmod 755 "$FOLDER"
  (umask 077; head -c 1024 /dev/urandom > "$FOLDER/munge.key")
  munged --force --key-file="$FOLDER/munge.key" --socket="$FOLDER/munge.socket" --pid-file="$FOLDER/munged.pid" \
    --log-file="$FOLDER/munged.log" --seed-file="$FOLDER/munge.seed"
  cat > $CONF <<CONFIGURATION
$MARK
ClusterName=privatune
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$FOLDER/munge.socket
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation=$FOLDER/state
SlurmdSpoolDir=$FOLDER/spool
SlurmctldPidFile=$FOLDER/slurmctld.pid
SlurmdPidFile=$FOLDER/slurmd.pid
SlurmctldLogFile=$FOLDER/slurmctld.log
SlurmdLogFile=$FOLDER/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_interval=1,batch_sched_delay=0
ReturnToService=2
MinJobAge=3600
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/none
NodeName=$host NodeAddr=127.0.0.1 CPUs=$cpus RealMemory=$memory State=UNKNOWN
PartitionName=main Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONFIGURATION
  slurmctld -c
  slurmd
  for _ in $(seq 60); do
    [ "$(sinfo --noheader --format=%T 2>/dev/null)" != idle ] || return 0
    sleep 0.5
  done
  echo "its node is not ready after 30 s; see $FOLDER/slurmctld.log and slurmd.log" >&2
  exit 1
}

stop() { # by the pids that our own daemons wrote; without its controller a slurm.conf slows every call of Snakemake
  for name in slurmd slurmctld munged; do
    if [ -s "$FOLDER/$name.pid" ]; then kill "$(cat "$FOLDER/$name.pid")" 2>/dev/null || true; fi
  done
  ! ours || rm $CONF
}

case $1 in
  start) start ;;
  stop) stop ;;
  *) sed -n 2p "$0"; exit 2 ;;
esac
