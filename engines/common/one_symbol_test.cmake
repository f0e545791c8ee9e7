# cmake -DNM=nm -DFILE=plugin.so -P one_symbol_test.cmake: fails unless the plugin defines infer_plugin_v1 and no other name.
execute_process(COMMAND "${NM}" -D --defined-only "${FILE}" OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
string(STRIP "${symbols}" symbols)
if(NOT symbols MATCHES "^[0-9a-f]+ T infer_plugin_v1$")
  message(FATAL_ERROR "${FILE} defines:\n${symbols}")
endif()
