// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "doctor/mdns.hpp"

namespace mesura::doctor {

Browsed browse(const std::vector<std::string>& /*types*/, std::chrono::milliseconds /*patience*/) {
  return {{}, "this program was built without Avahi"};
}

}  // namespace mesura::doctor
