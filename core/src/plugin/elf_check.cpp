// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "plugin/elf_check.hpp"

#include "config/text.hpp"
#include "runtime/unique_fd.hpp"

#include <fmt/format.h>

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace mesura::plugin {
namespace {

using Header = ElfW(Ehdr);
using Segment = ElfW(Phdr);

constexpr std::string_view kReinstall = "install the plugin again, or remove the file";

Refusal unreadable(int error) {
  return {"plg-unreadable", fmt::format("cannot be read: {}", std::system_category().message(error)),
          "make it readable for the user that runs mesura, or remove it"};
}

Refusal not_a_library(std::string what) {
  return {"plg-not-a-library", fmt::format("not a shared library: {}", what), std::string{kReinstall}};
}

Refusal truncated(std::uint64_t expected, std::uint64_t got) {
  return {"plg-truncated", fmt::format("cut short: its headers promise {} bytes, the file has {}", expected, got),
          std::string{kReinstall}};
}

std::string machine_name(unsigned machine) {
  switch (machine) {
    case EM_386: return "i386";
    case EM_ARM: return "ARM";
    case EM_X86_64: return "x86-64";
    case EM_AARCH64: return "AArch64";
    case EM_RISCV: return "RISC-V";
    default: return fmt::format("ELF machine {}", machine);
  }
}

std::string machine_text(const Header& h) {
  return fmt::format("{} {}-bit {}-endian", machine_name(h.e_machine), h.e_ident[EI_CLASS] == ELFCLASS64 ? 64 : 32,
                     h.e_ident[EI_DATA] == ELFDATA2LSB ? "little" : "big");
}

/// Reads up to `size` bytes at `offset`; fewer at the end of the file, -1 with errno on error.
ssize_t read_at(int fd, void* to, std::size_t size, off_t offset) {
  ssize_t n = 0;
  do n = ::pread(fd, to, size, offset);
  while (n < 0 && errno == EINTR);
  return n;
}

/// The program that runs is an ELF file of the right machine.
Header own_header() {
  Header h{};
  const runtime::UniqueFd self{::open("/proc/self/exe", O_RDONLY | O_CLOEXEC)};
  if (!self || read_at(self.get(), &h, sizeof h, 0) != sizeof h)
    throw std::system_error(errno, std::system_category(), "cannot read /proc/self/exe");
  return h;
}

bool same_machine(const Header& a, const Header& b) {
  return a.e_ident[EI_CLASS] == b.e_ident[EI_CLASS] && a.e_ident[EI_DATA] == b.e_ident[EI_DATA] &&
         a.e_machine == b.e_machine;
}

}  // namespace

std::optional<Refusal> check_elf(const std::filesystem::path& file) {
  // O_NONBLOCK: opening a FIFO without a writer would wait for ever.
  const runtime::UniqueFd fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (!fd) return unreadable(errno);
  struct stat st {};
  if (::fstat(fd.get(), &st) != 0) return unreadable(errno);
  if (!S_ISREG(st.st_mode)) return not_a_library("expected a regular file");

  Header header{};
  const auto got = read_at(fd.get(), &header, sizeof header, 0);
  if (got < 0) return unreadable(errno);
  const auto size = static_cast<std::uint64_t>(st.st_size);
  if (got < SELFMAG || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) {
    const std::string_view head{reinterpret_cast<const char*>(&header),
                                std::min<std::size_t>(static_cast<std::size_t>(got), 16)};
    return not_a_library(
        size == 0 ? "the file is empty"
                  : fmt::format("expected an ELF file, got {} bytes that begin with {}", size, config::quote(head)));
  }
  if (static_cast<std::size_t>(got) < sizeof header) return truncated(sizeof header, size);
  if (const auto own = own_header(); !same_machine(header, own)) {
    return Refusal{"plg-machine", fmt::format("built for {}; this host is {}", machine_text(header), machine_text(own)),
                   "install the plugin's build for this machine"};
  }
  if (header.e_type != ET_DYN || header.e_phentsize != sizeof(Segment))
    return not_a_library(fmt::format("expected ELF type {}, got {}", ET_DYN, header.e_type));

  std::vector<Segment> segments(header.e_phnum);
  const auto bytes = segments.size() * sizeof(Segment);
  if (header.e_phoff > size || bytes > size - header.e_phoff) return truncated(header.e_phoff + bytes, size);
  const auto read = read_at(fd.get(), segments.data(), bytes, static_cast<off_t>(header.e_phoff));
  if (read < 0) return unreadable(errno);
  if (static_cast<std::size_t>(read) < bytes) return truncated(header.e_phoff + bytes, size);
  for (const auto& s : segments)
    if (s.p_type == PT_LOAD && (s.p_offset > size || s.p_filesz > size - s.p_offset))
      return truncated(s.p_offset + s.p_filesz, size);
  return std::nullopt;
}

}  // namespace mesura::plugin
