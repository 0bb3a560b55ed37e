// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "verbs.hpp"

namespace mesura::app {

int export_recording(const ExportRecordingOptions& /*options*/) { return kFailed; }

}  // namespace mesura::app
