// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "transport/transport.hpp"

#include <string>
#include <string_view>

namespace mesura::transport {

/// "Connection refused"; thread-safe, unlike strerror.
[[nodiscard]] std::string errno_text(int error);

/// A reason in the words of all errors: "WHAT: expected EXPECTED, got GOT", and "hint ..." on a line of its own.
[[nodiscard]] Reason make_reason(std::string code, std::string_view what, std::string_view expected,
                                 std::string_view got, std::string_view hint = {});

/// For a failed system call on `what`: the system's words, and a hint where the error number suggests one.
[[nodiscard]] Reason system_reason(std::string code, std::string_view what, std::string_view expected, int error);

}  // namespace mesura::transport
