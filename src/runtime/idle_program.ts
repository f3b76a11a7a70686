/**
 * A program that does nothing: the first process of a PID namespace that several containers share. It needs nothing but the
 * kernel, so it can have a root directory of its own with nothing else in it: whoever may trace it finds nothing of the host
 * there. The kernel reaps what becomes its child, because it ignores SIGCHLD (wait(2), "NOTES"); as first process it is spared
 * all signals but the host's SIGKILL (pid_namespaces(7)).
 */
import { Failure } from "../errors.ts";

/** @returns an executable file (elf(5)) for this machine @throws Failure("unsupported") on one that is neither x64 nor arm64 */
export function idleProgram(arch: string = process.arch): Buffer {
  const machine = machines[arch];
  if (machine === undefined) throw new Failure("unsupported", `no idle program for ${arch}`);
  const code = Buffer.from(machine.code.join("").replaceAll(" ", ""), "hex");
  return Buffer.concat([heads(machine.number, code.length + ignored.length), code, ignored]);
}

interface Machine {
  /** `e_machine`. */
  readonly number: number;
  /** Ends on a multiple of eight; {@link ignored} follows. */
  readonly code: readonly string[];
}

const machines: Readonly<Record<string, Machine>> = {
  x64: {
    number: 62,
    code: [
      "b8 0d 00 00 00", // mov eax, 13: rt_sigaction
      "bf 11 00 00 00", // mov edi, 17: SIGCHLD
      "48 8d 35 17 00 00 00", // lea rsi, [ignored]
      "31 d2", // xor edx, edx: no old one
      "41 ba 08 00 00 00", // mov r10d, 8: bytes of a set of signals
      "0f 05", // syscall
      "b8 22 00 00 00", // again: mov eax, 34: pause
      "0f 05", // syscall
      "eb f7", // jmp again
      "00 00 00 00",
    ],
  },
  arm64: {
    number: 183,
    code: [
      "c8 10 80 d2", // mov x8, 134: rt_sigaction
      "20 02 80 d2", // mov x0, 17: SIGCHLD
      "81 01 00 10", // adr x1, ignored
      "02 00 80 d2", // mov x2, 0: no old one
      "03 01 80 d2", // mov x3, 8: bytes of a set of signals
      "01 00 00 d4", // svc 0
      "28 09 80 d2", // again: mov x8, 73: ppoll, of no files and without an end
      "00 00 80 d2", // mov x0, 0
      "01 00 80 d2", // mov x1, 0
      "02 00 80 d2", // mov x2, 0
      "03 00 80 d2", // mov x3, 0
      "04 00 80 d2", // mov x4, 0
      "01 00 00 d4", // svc 0
      "f9 ff ff 17", // b again
    ],
  },
};

/** `struct sigaction` of the kernel's: SIG_IGN, and nothing else. */
const ignored = Buffer.alloc(32);
ignored[0] = 1;

const headSize = 64;
const segmentSize = 56;
const address = 0x400000n;

/** Of a file that is loaded as a whole, to be read and executed. @param size bytes behind the heads */
function heads(machine: number, size: number): Buffer {
  const all = Buffer.alloc(headSize + segmentSize);
  // 64 bits, little endian, version 1.
  all.write("7f454c46020101", "hex");
  all.writeUInt16LE(2, 16); // e_type: ET_EXEC
  all.writeUInt16LE(machine, 18);
  all.writeUInt32LE(1, 20); // e_version
  all.writeBigUInt64LE(address + BigInt(all.length), 24); // e_entry
  all.writeBigUInt64LE(BigInt(headSize), 32); // e_phoff
  all.writeUInt16LE(headSize, 52); // e_ehsize
  all.writeUInt16LE(segmentSize, 54); // e_phentsize
  all.writeUInt16LE(1, 56); // e_phnum
  const whole = BigInt(all.length + size);
  all.writeUInt32LE(1, headSize); // p_type: PT_LOAD
  all.writeUInt32LE(5, headSize + 4); // p_flags: PF_R, PF_X
  all.writeBigUInt64LE(address, headSize + 16); // p_vaddr
  all.writeBigUInt64LE(address, headSize + 24); // p_paddr
  all.writeBigUInt64LE(whole, headSize + 32); // p_filesz
  all.writeBigUInt64LE(whole, headSize + 40); // p_memsz
  all.writeBigUInt64LE(0x10000n, headSize + 48); // p_align: the largest page there is
  return all;
}
