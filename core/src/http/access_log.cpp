// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/access_log.hpp"

#include "config/text.hpp"

#include <fmt/format.h>

namespace mesura::http {
namespace {

constexpr std::int64_t kWindowNs = 10'000'000'000;
constexpr unsigned kPerWindow = 50;
constexpr std::size_t kLongestPath = 200;

}  // namespace

void AccessLog::write(const Exchange& exchange, int status, std::int64_t now_ns, bool whole) {
  const auto& request = exchange.request;
  const bool failed = status == 401 || status == 403 || status == 429 || status >= 500;
  const bool important = failed || !exchange.facts.get;
  if (!log_.enabled(important ? runtime::Level::info : runtime::Level::debug)) return;
  if (failed) {
    if (now_ns - window_ns_ >= kWindowNs) {
      if (left_out_ > 0)
        log_.info("http-access", "{} more requests in {} s", left_out_, (now_ns - window_ns_) / 1'000'000'000);
      window_ns_ = now_ns;
      written_ = 0;
      left_out_ = 0;
    }
    if (++written_ > kPerWindow) {
      ++left_out_;
      return;
    }
  }
  const auto line =
      fmt::format("{} {} {} {} B {:.1f} ms {} {}{}", exchange.shown_method.empty() ? "-" : exchange.shown_method,
                  request.path.empty() ? "-" : request.path.substr(0, kLongestPath), status, exchange.sent_bytes,
                  static_cast<double>(now_ns - exchange.began_ns) / 1e6, request.peer,
                  request.principal.name.empty() ? "-" : request.principal.name, whole ? "" : " (not all of it sent)");
  if (important)
    log_.info("http-access", "{}", line);
  else
    log_.debug("http-access", "{}", line);
}

}  // namespace mesura::http
