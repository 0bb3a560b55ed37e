// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The floor of the HTTP benchmarks: Poco's server with one answer for everything.
#pragma once

#include <Poco/Net/HTTPRequestHandler.h>
#include <Poco/Net/HTTPRequestHandlerFactory.h>
#include <Poco/Net/HTTPServerRequest.h>
#include <Poco/Net/HTTPServerResponse.h>

#include <string>

namespace mesura::bench {

class Constant final : public Poco::Net::HTTPRequestHandler {
 public:
  explicit Constant(const std::string& body) : body_(body) {}
  void handleRequest(Poco::Net::HTTPServerRequest& /*request*/, Poco::Net::HTTPServerResponse& response) override {
    response.setContentType("application/json");
    response.sendBuffer(body_.data(), body_.size());
  }

 private:
  const std::string& body_;
};

class Constants final : public Poco::Net::HTTPRequestHandlerFactory {
 public:
  explicit Constants(const std::string& body) : body_(body) {}
  Poco::Net::HTTPRequestHandler* createRequestHandler(const Poco::Net::HTTPServerRequest& /*request*/) override {
    return new Constant{body_};
  }

 private:
  const std::string& body_;
};

}  // namespace mesura::bench
