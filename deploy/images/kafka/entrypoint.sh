#!/bin/sh
# As in Apache's image: every KAFKA_SOME_NAME is some.name of server.properties, and new storage is formatted.
set -eu

env | sed -n 's/^KAFKA_//p' | while IFS='=' read -r name value; do
  printf '%s=%s\n' "$(printf '%s' "$name" | tr 'A-Z_' 'a-z.')" "$value"
done > /tmp/server.properties

java="/opt/java/bin/java -Xms96m -Xmx320m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dlog4j2.disableJmx=true
  -Djava.awt.headless=true -Dlog4j2.configurationFile=/opt/kafka/log4j2.properties -cp /opt/kafka/libs/*"
# The options are meant to be split, and the class path's * is Java's, not the shell's.
set -f
$java kafka.tools.StorageTool format --ignore-formatted --cluster-id 5L6g3nShT-eMCtK--X86sw \
  --config /tmp/server.properties
exec $java kafka.Kafka /tmp/server.properties
