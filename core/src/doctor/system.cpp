// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "doctor/system.hpp"

#include "runtime/clock.hpp"
#include "transport/port_holders.hpp"

#include <pwd.h>
#include <sys/resource.h>
#include <sys/timex.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <system_error>
#include <utility>

namespace mesura::doctor {
namespace {

/// As the kernel calls them: 15 bytes.
constexpr std::array kTimeDaemons{"systemd-timesyn", "chronyd", "ntpd", "ntpsec", "openntpd", "ptp4l", "phc2sys"};

/// What the core goes by, too (pipeline::kernel_synchronised), but without its patience after boot.
std::optional<bool> kernel_says() {
  timex state{};
  const int result = ::adjtimex(&state);
  if (result == -1) return {};
  return result != TIME_ERROR && (state.status & STA_UNSYNC) == 0;
}

std::string user_name(uid_t user) {
  std::array<char, 4096> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(user, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr) return entry.pw_name;
  return std::to_string(user);
}

}  // namespace

ClockFacts read_clock(const std::string& root) {
  ClockFacts facts;
  facts.synchronised = kernel_says();
  facts.wall_ns = runtime::SystemClock{}.wall_ns();
  timespec boot{};
  ::clock_gettime(CLOCK_BOOTTIME, &boot);
  facts.since_boot_ns = static_cast<std::int64_t>(boot.tv_sec) * 1'000'000'000 + boot.tv_nsec;
  std::error_code error;
  // Without /sys nothing is known.
  if (std::filesystem::is_directory(root + "/sys/class", error))
    facts.hardware = std::filesystem::exists(root + "/sys/class/rtc/rtc0", error);
  for (const char* const name : kTimeDaemons)
    if (facts.daemon.empty() && transport::find_process(name, root) != 0) facts.daemon = name;
  return facts;
}

DescriptorLimit read_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return {};
  return {limit.rlim_cur, limit.rlim_max};
}

Person who_asks() {
  Person person{user_name(::geteuid()), ::geteuid() == 0};
  if (const char* const caller = std::getenv("SUDO_USER"); person.root && caller != nullptr && *caller != '\0')
    person.user = caller;
  return person;
}

}  // namespace mesura::doctor
