package ringback.bench;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.RocksDBConfigSetter;
import org.apache.kafka.streams.state.Stores;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.Cache;
import org.rocksdb.LRUCache;
import org.rocksdb.Options;
import org.rocksdb.WriteBufferManager;

/**
 * A durable timer as a stream engineer would write it with Kafka Streams: exactly-once, a RocksDB store in due order, a
 * wall-clock punctuator.
 *
 * <p>Usage: Timers INPUT OUTPUT name=value…; the pairs are settings of Streams and win over those below. A record of
 * INPUT has the user as its key and a value that begins with the due instant (epoch ms, 8 bytes, big endian); OUTPUT
 * gets the same key and value once it is due.
 */
public final class Timers {
    private static final String STORE = "pending";
    private static final long TICK_MS = 10;
    /** Fired by one tick of a partition at most, so that a burst on one does not starve the others. */
    private static final int MOST_A_TICK = 2_000;

    private Timers() { }

    /** Store key: due (8 bytes) | source offset (8 bytes). Store value: key length (2) | user | value. */
    static final class Pending implements Processor<byte[], byte[], byte[], byte[]> {
        private ProcessorContext<byte[], byte[]> context;
        private KeyValueStore<Bytes, byte[]> store;
        /** Nothing pending is due before this. A scan from 0 would step over the tombstones of all that has fired. */
        private long earliest = 0;

        @Override
        public void init(ProcessorContext<byte[], byte[]> context) {
            this.context = context;
            store = context.getStateStore(STORE);
            context.schedule(Duration.ofMillis(TICK_MS), PunctuationType.WALL_CLOCK_TIME, this::fire);
        }

        @Override
        public void process(Record<byte[], byte[]> record) {
            long due = ByteBuffer.wrap(record.value()).getLong();
            byte[] user = record.key();
            ByteBuffer key = ByteBuffer.allocate(16).putLong(due).putLong(context.recordMetadata().get().offset());
            ByteBuffer value = ByteBuffer.allocate(2 + user.length + record.value().length);
            value.putShort((short) user.length).put(user).put(record.value());
            store.put(Bytes.wrap(key.array()), value.array());
            earliest = Math.min(earliest, due);
        }

        private void fire(long scheduled) {
            long now = System.currentTimeMillis();
            if (earliest > now) {
                return;
            }
            Bytes from = Bytes.wrap(ByteBuffer.allocate(8).putLong(earliest).array());
            long next = Long.MAX_VALUE;
            try (KeyValueIterator<Bytes, byte[]> pending = store.range(from, null)) {
                for (int fired = 0; pending.hasNext(); fired++) {
                    Bytes key = pending.peekNextKey();
                    long due = ByteBuffer.wrap(key.get()).getLong();
                    if (due > now || fired == MOST_A_TICK) {
                        next = due;
                        break;
                    }
                    ByteBuffer stored = ByteBuffer.wrap(pending.next().value);
                    byte[] user = new byte[stored.getShort()];
                    stored.get(user);
                    byte[] value = new byte[stored.remaining()];
                    stored.get(value);
                    context.forward(new Record<>(user, value, now));
                    store.put(key, null); // delete() would read the value first
                }
            }
            earliest = next;
        }
    }

    /** One block cache and one budget of write buffers for all partitions, as the memory guide of Streams advises. */
    public static final class BoundedMemory implements RocksDBConfigSetter {
        private static final Cache CACHE = new LRUCache(96L << 20, -1, false, 0.1);
        private static final WriteBufferManager BUFFERS = new WriteBufferManager(64L << 20, CACHE);

        @Override
        public void setConfig(String store, Options options, Map<String, Object> settings) {
            BlockBasedTableConfig blocks = (BlockBasedTableConfig) options.tableFormatConfig();
            blocks.setBlockCache(CACHE);
            blocks.setCacheIndexAndFilterBlocks(true);
            options.setTableFormatConfig(blocks);
            options.setWriteBufferManager(BUFFERS);
        }

        @Override
        public void close(String store, Options options) { }
    }

    private static Properties settings(String[] pairs) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        settings.put(StreamsConfig.POLL_MS_CONFIG, 5);
        settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0);
        settings.put(StreamsConfig.METADATA_MAX_AGE_CONFIG, 60_000);
        settings.put(StreamsConfig.ROCKSDB_CONFIG_SETTER_CLASS_CONFIG, BoundedMemory.class);
        settings.put(StreamsConfig.producerPrefix("linger.ms"), 2);
        settings.put(StreamsConfig.producerPrefix("batch.size"), 128 << 10);
        settings.put(StreamsConfig.producerPrefix("retry.backoff.ms"), 2);
        settings.put(StreamsConfig.producerPrefix("transaction.timeout.ms"), 10_000);
        settings.put(StreamsConfig.mainConsumerPrefix("max.poll.records"), 2_000);
        // A static member: a restart takes its partitions over at once.
        settings.put(StreamsConfig.mainConsumerPrefix("group.instance.id"), "bench");
        settings.put(StreamsConfig.mainConsumerPrefix("session.timeout.ms"), 6_000);
        settings.put(StreamsConfig.mainConsumerPrefix("heartbeat.interval.ms"), 1_000);
        settings.put(StreamsConfig.restoreConsumerPrefix("max.poll.records"), 10_000);
        settings.put(StreamsConfig.restoreConsumerPrefix("max.partition.fetch.bytes"), 4 << 20);
        for (int i = 2; i < pairs.length; i++) {
            String[] pair = pairs[i].split("=", 2);
            settings.put(pair[0], pair[1]);
        }
        return settings;
    }

    public static void main(String[] arguments) throws InterruptedException {
        Serdes.ByteArraySerde bytes = new Serdes.ByteArraySerde();
        Topology topology = new Topology();
        topology.addSource("in", bytes.deserializer(), bytes.deserializer(), arguments[0]);
        topology.addProcessor("timers", Pending::new, "in");
        topology.addStateStore(
            Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore(STORE), Serdes.Bytes(), bytes)
                .withCachingDisabled()
                .withLoggingEnabled(Map.of()),
            "timers");
        topology.addSink("out", arguments[1], bytes.serializer(), bytes.serializer(), "timers");
        KafkaStreams streams = new KafkaStreams(topology, settings(arguments));
        CountDownLatch ended = new CountDownLatch(1);
        streams.setStateListener((state, before) -> {
            System.out.println(System.currentTimeMillis() + " " + state);
            if (state == KafkaStreams.State.ERROR || state == KafkaStreams.State.NOT_RUNNING) {
                ended.countDown();
            }
        });
        Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(Duration.ofSeconds(20))));
        streams.start();
        ended.await();
        System.exit(streams.state() == KafkaStreams.State.ERROR ? 1 : 0);
    }
}
