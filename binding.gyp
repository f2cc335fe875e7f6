{
  "targets": [
    {
      "target_name": "uwsgiref",
      "sources": [
        "native/addon/addon.cc",
        "native/addon/answers.cc",
        "native/addon/call_arguments.cc",
        "native/addon/held_files.cc",
        "native/addon/javascript_gateway.cc",
        "native/addon/listeners.cc",
        "native/addon/open_beneath.cc",
        "native/addon/request_record.cc",
        "native/addon/sockets.cc",
        "native/addon/values.cc",
        "native/http/body_decoder.cc",
        "native/http/byte_buffer.cc",
        "native/http/field_names.cc",
        "native/http/host_port.cc",
        "native/http/http_date.cc",
        "native/http/ip_address.cc",
        "native/http/percent_decode.cc",
        "native/http/proxy_header.cc",
        "native/http/request_error.cc",
        "native/http/request_framing.cc",
        "native/http/request_parser.cc",
        "native/http/response_writer.cc",
        "native/net/address_block.cc",
        "native/net/background_sender.cc",
        "native/net/connection.cc",
        "native/net/connection_input.cc",
        "native/net/datagram.cc",
        "native/net/delivery.cc",
        "native/net/event_loop.cc",
        "native/net/exchange.cc",
        "native/net/file_blocks.cc",
        "native/net/file_transfer.cc",
        "native/net/listener.cc",
        "native/net/listening_socket.cc",
        "native/net/open_files.cc",
        "native/net/pacing.cc",
        "native/net/page_cache.cc",
        "native/net/page_loader.cc",
        "native/net/proxied_sockets.cc",
        "native/net/reader_threads.cc",
        "native/net/request_body.cc",
        "native/net/scoreboard.cc",
        "native/net/socket_poll.cc",
        "native/net/tls.cc",
        "native/net/usockets.cc"
      ],
      "include_dirs": ["native"],
      "defines": ["NAPI_VERSION=8", "NODE_GYP_MODULE_NAME=uwsgiref"],
      "cflags!": ["-fno-strict-aliasing"],
      "cflags_cc!": ["-std=gnu++17", "-std=gnu++20", "-fno-rtti"],
      "cflags_cc": ["-std=c++20", "-Wall", "-Wextra", "-Werror", "-fno-exceptions", "-fvisibility=hidden"],
      "libraries": ["-ldl"],
      "configurations": {
        "Release": {
          "cflags_cc": ["-O3"],
          "conditions": [
            ["OS=='linux'", {
              "cflags_cc": ["-flto=auto"],
              "ldflags": ["-flto=auto"]
            }]
          ]
        },
        # For npm run test:asan.
        "Debug": {
          "cflags_cc": ["-O1", "-g", "-fno-omit-frame-pointer", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
          "ldflags": ["-fsanitize=address,undefined"]
        }
      },
      "conditions": [
        ["OS=='mac'", {
          "xcode_settings": {
            "CLANG_CXX_LANGUAGE_STANDARD": "c++20",
            "GCC_OPTIMIZATION_LEVEL": "3",
            "GCC_ENABLE_CPP_EXCEPTIONS": "NO",
            "MACOSX_DEPLOYMENT_TARGET": "11.0",
            "WARNING_CFLAGS": ["-Wall", "-Wextra", "-Werror"]
          },
          "libraries!": ["-ldl"]
        }]
      ]
    }
  ]
}
