/** What a container's record says at each moment of its life (moby, container/state.go): changes for `updateRecord`. */
import { endedHealth, startingHealth, type HealthState } from "../live/health/health_state.ts";
import { healthcheckOf } from "../live/health/healthcheck.ts";
import { endedSettings, type NetworkSettings } from "../networks/endpoint_settings.ts";
import { goTime } from "../time.ts";
import type { KeptExit } from "./kept_exit.ts";
import type { ContainerRecord, ContainerState } from "./record.ts";

export type RecordChange = (now: ContainerRecord) => ContainerRecord;

const inState =
  (change: Partial<ContainerState>): RecordChange =>
  (now) => ({ ...now, State: { ...now.State, ...change } });

/** Somebody asks for a start: earlier restarts and stops count no more. */
export const startedByHand: RecordChange = (now) => ({
  ...now,
  RestartCount: 0,
  HasBeenManuallyStopped: false,
});

/** Somebody wants it to end: no policy starts it again. */
export const stoppedByHand: RecordChange = (now) => ({ ...now, HasBeenManuallyStopped: true });

export interface RunOnRecord {
  /** On the host. */
  readonly pid: number;
  readonly isPaused?: boolean;
  /** Milliseconds since 1970; default: now. */
  readonly startedAt?: number | undefined;
  /** Where it is connected. Default: as the record has it. */
  readonly settings?: ((now: NetworkSettings) => NetworkSettings) | undefined;
}

/** Its process runs. */
export function running({ pid, isPaused = false, startedAt, settings }: RunOnRecord): RecordChange {
  return (now) => ({
    ...now,
    NetworkSettings: settings?.(now.NetworkSettings) ?? now.NetworkSettings,
    HasBeenStartedBefore: true,
    State: {
      ...now.State,
      Running: true,
      Restarting: false,
      Paused: isPaused,
      OOMKilled: false,
      Pid: pid,
      ExitCode: 0,
      Error: "",
      StartedAt: goTime(startedAt ?? Date.now()),
    },
  });
}

/** It is on record as running, and found so. */
export function stillRunning({
  isPaused,
  settings,
}: Required<Pick<RunOnRecord, "isPaused" | "settings">>): RecordChange {
  return (now) => ({
    ...paused(isPaused)(now),
    NetworkSettings: settings?.(now.NetworkSettings) ?? now.NetworkSettings,
  });
}

/** Its run begins under somebody who looks after its health. */
export const healthWatched: RecordChange = (now) => {
  const before = now.State.Health as HealthState | null;
  const isChecked = healthcheckOf(now.Config) !== undefined;
  return inState({ Health: isChecked ? startingHealth(before) : null })(now);
};

export function paused(Paused: boolean): RecordChange {
  return inState({ Paused });
}

/** As {@link paused}, if it is still the run of that process. */
export function pausedIn(pid: number, isPaused: boolean): RecordChange {
  return (now) => (now.State.Running && now.State.Pid === pid ? paused(isPaused)(now) : now);
}

/** A run is over. One that was not on record, or was put down after its end, was too short for that. */
export function ended({ status, exitedAt, oomKilled }: KeptExit): RecordChange {
  const FinishedAt = goTime(exitedAt.getTime());
  const startOf = ({ State }: ContainerRecord): string => {
    const isKnown = State.Running || State.FinishedAt === FinishedAt;
    return isKnown && Date.parse(State.StartedAt) <= exitedAt.getTime() ? State.StartedAt : FinishedAt;
  };
  return (now) => ({
    ...now,
    NetworkSettings: endedSettings(now.NetworkSettings),
    HasBeenStartedBefore: true,
    State: {
      ...now.State,
      Running: false,
      Restarting: false,
      Paused: false,
      OOMKilled: oomKilled,
      Pid: 0,
      ExitCode: status,
      StartedAt: startOf(now),
      FinishedAt,
      Health: endedHealth(now.State.Health),
    },
  });
}

/** Docker's code for an end that nobody saw. */
export function unknownExit(): KeptExit {
  return { status: 255, exitedAt: new Date(), oomKilled: false };
}

/** It waits for its next run. @param count restarts so far, with this one */
export function restarting(count: number): RecordChange {
  return (now) => inState({ Running: true, Restarting: true })({ ...now, RestartCount: count });
}

/** It is not started again after all. */
export const notRestarted: RecordChange = inState({ Running: false, Restarting: false });

const SIGKILL = 9;

/**
 * A start that failed shows in `ps -a` and `inspect`; so does a run that was broken off.
 * @param code Docker's for the failure
 */
export function startFailed(code: number, Error: string): RecordChange {
  const broken = { ExitCode: 128 + SIGKILL, FinishedAt: goTime(Date.now()) };
  return (now) => {
    const { Running, Restarting } = now.State;
    const how = Running && !Restarting ? broken : { ExitCode: code };
    return inState({ ...how, Running: false, Restarting: false, Pid: 0, Error })(now);
  };
}

/** From before its first file goes, so that a crash half-way leaves a container that says what happened to it. */
export const removing: RecordChange = inState({ Running: false, RemovalInProgress: true });

/** The removal failed. @param State as it was before */
export function notRemoved({ Running, RemovalInProgress }: ContainerState): RecordChange {
  return inState({ Running, RemovalInProgress });
}

/** Its removal was broken off, and it is not known what was asked for. */
export const dead: RecordChange = inState({ RemovalInProgress: false, Dead: true });
