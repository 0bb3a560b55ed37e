// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "decoder.hpp"
#include "emission.hpp"
#include "settings.hpp"

#include <mesura/plugin.hpp>

#include <cstdint>
#include <vector>

namespace mesura::dsmr_p1 {

/// A P1 port: one meter and what hangs behind it.
class P1Session final : public Device, private DecoderSink {
 public:
  P1Session(Host host, const SessionInfo& info);

  void on_open(LinkId link, std::int64_t now_ns) override;
  void on_close(LinkId link, std::int64_t now_ns, std::string_view reason, bool final) override;
  void on_bytes(LinkId link, Bytes bytes, const Meta& meta) override;
  void on_timer(TimerId timer, std::int64_t now_ns) override;

 private:
  enum : TimerId { kSilenceTimer = 0, kSampleTimer = 1 };

  void on_telegram(Telegram& telegram) override;
  void on_fault(const DecodeFault& fault) override;
  void tell_faults(const Telegram& telegram);
  void watch_silence();
  void raise_request();
  void drop_request();

  SessionSettings settings_;
  bool live_;
  Decoder decoder_;
  Emission emission_;
  std::int64_t last_bytes_ns_ = 0;
  bool watching_ = false;            ///< kSilenceTimer is armed
  bool line_works_ = true;           ///< the link has a request line
  std::vector<std::uint8_t> frame_;  ///< the telegram as it is handed on
  bool requesting_ = true;           ///< the meter was asked to send
  bool satisfied_ = false;           ///< per_telegram: this request has brought its telegram
};

}  // namespace mesura::dsmr_p1
