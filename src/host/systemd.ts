/** systemd: the sockets it hands over (sd_listen_fds(3)), and what it is told (sd_notify(3)). */

import { loadAddon } from '../server/native-addon.js';

/** The first descriptor that systemd hands over, SD_LISTEN_FDS_START. */
const FIRST_DESCRIPTOR = 3;

/** The listening sockets that systemd has handed to this process; none where it did not start it. */
export function activatedDescriptors(environment: NodeJS.ProcessEnv): number[] {
  const count = Number(environment.LISTEN_FDS ?? 0);
  if (environment.LISTEN_PID !== String(process.pid) || !Number.isInteger(count) || count < 1) return [];
  return Array.from({ length: count }, (_, index) => FIRST_DESCRIPTOR + index);
}

/** Environment variables that are meant for this process alone, and that its children must not take for theirs. */
export const SYSTEMD_VARIABLES = ['LISTEN_FDS', 'LISTEN_PID', 'LISTEN_FDNAMES', 'WATCHDOG_PID', 'WATCHDOG_USEC'];

/** Tells systemd how the service is; silent where nobody listens. */
export class ServiceNotifier {
  readonly #path: string | undefined;
  readonly #warn: (message: string) => void;
  #heartbeat: NodeJS.Timeout | undefined;
  #unheard = false;

  /** @param warn told when systemd cannot be reached, and not again before it could */
  constructor(environment: NodeJS.ProcessEnv, warn: (message: string) => void) {
    this.#path = environment.NOTIFY_SOCKET;
    this.#warn = warn;
    const { WATCHDOG_USEC: period, WATCHDOG_PID: pid = String(process.pid) } = environment;
    if (period === undefined || pid !== String(process.pid)) return;
    // sd_watchdog_enabled(3): "every half of the time".
    this.#heartbeat = setInterval(() => this.#tell('WATCHDOG=1'), Number(period) / 2000).unref();
  }

  /** Also when a reload is over. */
  ready(status: string): void {
    this.#tell(`READY=1\nSTATUS=${status}`);
  }

  reloading(): void {
    // Type=notify-reload wants the time, on the clock that hrtime() reads (sd_notify(3)).
    this.#tell(`RELOADING=1\nMONOTONIC_USEC=${process.hrtime.bigint() / 1000n}\nSTATUS=Reloading`);
  }

  stopping(): void {
    this.#tell('STOPPING=1\nSTATUS=Finishing the requests in hand');
  }

  /** Another process takes the place of this one. */
  replacedBy(pid: number): void {
    clearInterval(this.#heartbeat);
    this.#tell(`MAINPID=${pid}`);
  }

  #tell(state: string): void {
    if (this.#path === undefined) return;
    try {
      loadAddon().sendDatagram(this.#path, state);
      this.#unheard = false;
    } catch (error) {
      if (!this.#unheard)
        this.#warn(`systemd cannot be told at NOTIFY_SOCKET ${this.#path}: ${(error as Error).message}`);
      this.#unheard = true;
    }
  }
}
