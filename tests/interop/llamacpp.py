"""llama.cpp's server on 127.0.0.1, from Python: MODEL PORT ALIAS; its key comes from LAB_KEY."""

import os
import sys
import time

import xllamacpp

parameters = xllamacpp.CommonParams()
parameters.model.path = sys.argv[1]
parameters.hostnames = ["127.0.0.1"]
parameters.port = int(sys.argv[2])
parameters.model_alias = {sys.argv[3]}
parameters.api_keys = [os.environ["LAB_KEY"]]
parameters.n_ctx = 4096
parameters.n_parallel = 2
parameters.use_jinja = True
parameters.cpuparams.n_threads = 1  # two on a shared two-core machine take minutes for a request
server = xllamacpp.Server(parameters)
print(server.listening_address, flush=True)
while True:
    time.sleep(3600)
