// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "transport/terminal.hpp"

#include <array>
#include <cerrno>
#include <utility>

namespace mesura::transport {
namespace {

constexpr std::array<std::pair<int, speed_t>, 24> kSpeeds{{
    {300, B300},         {600, B600},         {1200, B1200},       {1800, B1800},       {2400, B2400},
    {4800, B4800},       {9600, B9600},       {19200, B19200},     {38400, B38400},     {57600, B57600},
    {115200, B115200},   {230400, B230400},   {460800, B460800},   {500000, B500000},   {576000, B576000},
    {921600, B921600},   {1000000, B1000000}, {1152000, B1152000}, {1500000, B1500000}, {2000000, B2000000},
    {2500000, B2500000}, {3000000, B3000000}, {3500000, B3500000}, {4000000, B4000000},
}};

}  // namespace

std::optional<speed_t> speed_of(int baud) {
  for (const auto& [rate, speed] : kSpeeds)
    if (rate == baud) return speed;
  return std::nullopt;
}

int baud_of(speed_t speed) {
  for (const auto& [rate, code] : kSpeeds)
    if (code == speed) return rate;
  return 0;
}

bool make_raw(int fd, int baud) {
  termios settings{};
  if (::tcgetattr(fd, &settings) != 0) return false;
  ::cfmakeraw(&settings);
  settings.c_cflag |= CLOCAL | CREAD;
  settings.c_cflag &= ~static_cast<tcflag_t>(CSTOPB | CRTSCTS);
  settings.c_iflag &= ~static_cast<tcflag_t>(IXOFF | IXANY);
  if (baud != 0) {
    const auto speed = speed_of(baud);
    if (!speed) {
      errno = EINVAL;
      return false;
    }
    ::cfsetispeed(&settings, *speed);
    ::cfsetospeed(&settings, *speed);
  }
  return ::tcsetattr(fd, TCSANOW, &settings) == 0;
}

}  // namespace mesura::transport
