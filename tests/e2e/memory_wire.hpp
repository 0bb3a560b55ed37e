// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/event_loop.hpp"
#include "transport/transport.hpp"

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mesura::test {

/// Two transports that are each other's other side; what goes in at end 0 is written down. Must outlive its ends.
class MemoryWire {
 public:
  std::vector<std::string> sent;  ///< by end 0, each call apart

  /// Each attempt to open makes a new one.
  [[nodiscard]] std::unique_ptr<transport::Transport> end(runtime::EventLoop& loop, std::size_t which) {
    return std::make_unique<End>(*this, loop, which);
  }

 private:
  class End final : public transport::Transport {
   public:
    End(MemoryWire& wire, runtime::EventLoop& loop, std::size_t which) : wire_(wire), loop_(loop), which_(which) {}
    ~End() override { close(); }
    End(const End&) = delete;
    End& operator=(const End&) = delete;

    void open(transport::Listener& listener) override {
      listener_ = &listener;
      wire_.ends_[which_] = this;
      later([](End& end) { end.listener_->on_open(); });
    }
    void close() override {
      *alive_ = false;
      listener_ = nullptr;
      if (wire_.ends_[which_] == this) wire_.ends_[which_] = nullptr;
    }
    bool send(transport::Bytes bytes, std::string_view) override {
      std::string text{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
      if (which_ == 0) wire_.sent.push_back(text);
      if (End* other = wire_.ends_[1 - which_]) other->later([text = std::move(text)](End& end) { end.receive(text); });
      return true;
    }
    [[nodiscard]] std::string describe() const override { return "memory"; }

   private:
    template <typename Call>
    void later(Call call) {
      loop_.post([this, alive = alive_, call = std::move(call)] {
        if (*alive) call(*this);
      });
    }
    void receive(const std::string& text) {
      const transport::Meta meta{.received_ns = loop_.clock().wall_ns(), .offset = offset_};
      offset_ += text.size();
      listener_->on_bytes({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, meta);
    }

    MemoryWire& wire_;
    runtime::EventLoop& loop_;
    std::size_t which_;
    transport::Listener* listener_ = nullptr;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
    std::uint64_t offset_ = 0;
  };

  std::array<End*, 2> ends_{};
};

}  // namespace mesura::test
