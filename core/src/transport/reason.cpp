// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "transport/reason.hpp"

#include <cerrno>
#include <system_error>
#include <utility>

namespace mesura::transport {
namespace {

std::string_view hint_for(int error) {
  switch (error) {
    case ECONNREFUSED: return "nothing listens there: is the device on, is the port right?";
    case EHOSTUNREACH:
    case ENETUNREACH: return "is the network up, and is the device in it?";
    case ETIMEDOUT: return "is the device on, and does a firewall drop the packets?";
    case EADDRINUSE: return "another program has this port: `ss -lntup` names it";
    case EADDRNOTAVAIL: return "no network interface has this address: `ip address` lists them";
    case EMFILE: return "raise the limit of open files (`ulimit -n`, LimitNOFILE= in the unit)";
    default: return {};
  }
}

}  // namespace

std::string errno_text(int error) { return std::generic_category().message(error); }

Reason make_reason(std::string code, std::string_view what, std::string_view expected, std::string_view got,
                   std::string_view hint) {
  std::string message{what};
  message += ": expected ";
  message += expected;
  message += ", got ";
  message += got;
  if (!hint.empty()) {
    message += "\n  hint  ";
    message += hint;
  }
  return {std::move(code), std::move(message)};
}

Reason system_reason(std::string code, std::string_view what, std::string_view expected, int error) {
  return make_reason(std::move(code), what, expected, errno_text(error), hint_for(error));
}

}  // namespace mesura::transport
