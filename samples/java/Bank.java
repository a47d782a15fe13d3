import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.math.BigInteger;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import javax.crypto.Cipher;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509TrustManager;

/**
 * A bank's client for the bank interface (docs/protocol.md), to copy from.
 *
 * <p>It needs a JDK of 17 or later, and nothing else. Framing {@code 2be}, dialect {@code ascii87}, MAC {@code
 * aes-cmac}. It signs on, asks for an echo, inquires about a policy, collects the first premium due on it, and
 * prints the receipt. Where no answer comes, it reverses until the reversal is answered.
 *
 * <pre>
 * java Bank.java --host 127.0.0.1 --port 8586 --bank 03080000 --zmk zmk.hex --policy P20200190000005 \
 *     --certificate bank.crt --key bank.key --pin 64_HEX_DIGITS_OF_THE_INSURER
 * </pre>
 *
 * <p>Without --certificate it speaks plain TCP. Exit code: 0 collected, 1 not collected.
 *
 * <p>What a real bank does besides: it keeps each transaction's key on disk before it sends it, takes STANs from
 * a counter that outlives the process, has its ZMK in an HSM, and keeps its links open, each with a thread that
 * reads all the time and answers the insurer's echo.
 */
public final class Bank {
    /** The answers that do not decide a transaction: what became of it is not known. Any other is final. */
    private static final Set<String> UNDECIDED = Set.of("63", "90", "91", "96");

    private static final String TERMINAL = "T0000001";
    private static final String BRANCH = "B00000000000001";
    private static final PrintStream OUT =
            new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);

    /** There is no link, or no answer came on it: what became of the request is not known. */
    private static final class NoAnswer extends Exception {
        private static final long serialVersionUID = 1;

        NoAnswer(String text, Throwable cause) {
            super(text, cause);
        }
    }

    // 1. A message as bytes (ascii87): MTI, bitmaps, then each data element in ascending order.

    /** A message. Its data elements are text by number; a MAC (DE 64, 128) is not among them. */
    private record Message(String mti, TreeMap<Integer, String> fields) {
        String get(int number) {
            return fields.getOrDefault(number, "");
        }
    }

    /** One group of DE 48: a tag of 2 characters, 3 digits of length in bytes, the value. */
    private record Group(String tag, String value) {}

    private static final int MAC_BYTES = 8;

    /** Data elements of variable length: how many digits before the value give its length in bytes. */
    private static final Map<Integer, Integer> LENGTH_DIGITS = Map.of(2, 2, 32, 2, 44, 2, 48, 3, 62, 3);

    /** Data elements of fixed length, in bytes. */
    private static final Map<Integer, Integer> FIXED = fixedLengths();

    private static Map<Integer, Integer> fixedLengths() {
        int[][] lengths = {
            {3, 6}, {4, 12}, {7, 10}, {11, 6}, {12, 6}, {13, 4}, {15, 4}, {37, 12}, {38, 6}, {39, 2}, {41, 8},
            {42, 15}, {49, 3}, {66, 1}, {70, 3}, {74, 10}, {75, 10}, {76, 10}, {77, 10}, {86, 16}, {87, 16},
            {88, 16}, {89, 16}, {90, 42}, {97, 17},
        };
        Map<Integer, Integer> found = new HashMap<>();
        for (int[] pair : lengths) {
            found.put(pair[0], pair[1]);
        }
        return found;
    }

    /** The message's bytes. With a key it ends with its MAC, which covers everything before it. */
    private static byte[] encode(Message message, byte[] macKey) throws GeneralSecurityException {
        TreeSet<Integer> numbers = new TreeSet<>(message.fields().keySet());
        if (macKey != null) {
            numbers.add(numbers.last() > 64 ? 128 : 64);
        }
        boolean hasSecond = numbers.last() > 64;
        if (hasSecond) {
            numbers.add(1); // bit 1 says that a second bitmap follows
        }
        byte[] bitmap = new byte[hasSecond ? 16 : 8];
        for (int number : numbers) {
            bitmap[(number - 1) / 8] |= (byte) (0x80 >> (number - 1) % 8);
        }
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        body.writeBytes(utf8(message.mti()));
        body.writeBytes(bitmap);
        message.fields().forEach((number, text) -> body.writeBytes(element(number, text)));
        if (macKey != null) {
            body.writeBytes(mac(macKey, body.toByteArray()));
        }
        return body.toByteArray();
    }

    private static byte[] element(int number, String text) {
        byte[] data = utf8(text);
        if (LENGTH_DIGITS.containsKey(number)) {
            return concat(utf8(padded(data.length, LENGTH_DIGITS.get(number))), data);
        }
        if (data.length != FIXED.get(number)) {
            throw new IllegalArgumentException("DE " + number + " has " + data.length + " bytes");
        }
        return data;
    }

    /** The message of these bytes, its MAC left out. Throws a RuntimeException if it cannot be read. */
    private static Message decode(byte[] body) {
        int bits = (body[4] & 0x80) == 0 ? 64 : 128;
        int at = 4 + bits / 8;
        TreeMap<Integer, String> fields = new TreeMap<>();
        for (int number = 2; number < bits; number++) {
            if ((body[4 + (number - 1) / 8] & 0x80 >> (number - 1) % 8) == 0 || number == 64) {
                continue;
            }
            int digits = LENGTH_DIGITS.getOrDefault(number, 0);
            int length = digits == 0 ? FIXED.get(number) : Integer.parseInt(text(body, at, at + digits));
            at += digits;
            fields.put(number, text(body, at, at + length));
            at += length;
        }
        return new Message(text(body, 0, 4), fields);
    }

    private static List<Group> groups(String de48) {
        byte[] data = utf8(de48);
        List<Group> found = new ArrayList<>();
        for (int at = 0; at < data.length; ) {
            int end = at + 5 + Integer.parseInt(text(data, at + 2, at + 5));
            found.add(new Group(text(data, at, at + 2), text(data, at + 5, end)));
            at = end;
        }
        return found;
    }

    private static Map<String, String> byTag(String groups) {
        Map<String, String> found = new HashMap<>();
        groups(groups).forEach(group -> found.put(group.tag(), group.value()));
        return found;
    }

    private static String group(String tag, String value) {
        return tag + padded(utf8(value).length, 3) + value;
    }

    // 2. Keys: the MAC, and the key block in which a sign-on's answer brings the session key.

    /** AES-CMAC (NIST SP 800-38B), all 16 bytes. The JDK has none, so it is made of the cipher. */
    private static byte[] cmac(byte[] key, byte[] data) throws GeneralSecurityException {
        byte[] subkey = doubled(aes(Cipher.ENCRYPT_MODE, key, new byte[16], new byte[16]));
        int rest = data.length % 16;
        boolean isWhole = rest == 0 && data.length > 0;
        byte[] padded = isWhole ? data.clone() : Arrays.copyOf(data, data.length - rest + 16);
        if (!isWhole) {
            padded[data.length] = (byte) 0x80;
            subkey = doubled(subkey);
        }
        for (int place = 0; place < 16; place++) {
            padded[padded.length - 16 + place] ^= subkey[place];
        }
        byte[] chained = aes(Cipher.ENCRYPT_MODE, key, new byte[16], padded);
        return Arrays.copyOfRange(chained, chained.length - 16, chained.length);
    }

    /** Twice a block, in the field of 2 to the 128 elements. */
    private static byte[] doubled(byte[] block) {
        BigInteger twice = new BigInteger(1, block).shiftLeft(1);
        if (twice.testBit(128)) {
            twice = twice.clearBit(128).xor(BigInteger.valueOf(0x87));
        }
        byte[] bytes = twice.toByteArray();
        byte[] result = new byte[16];
        int length = Math.min(16, bytes.length); // a leading sign byte may be there
        System.arraycopy(bytes, bytes.length - length, result, 16 - length, length);
        return result;
    }

    /** AES in CBC mode over whole blocks. */
    private static byte[] aes(int mode, byte[] key, byte[] iv, byte[] data) throws GeneralSecurityException {
        Cipher cipher = Cipher.getInstance("AES/CBC/NoPadding");
        cipher.init(mode, new SecretKeySpec(key, "AES"), new IvParameterSpec(iv));
        return cipher.doFinal(data);
    }

    /** A message's MAC: the leftmost 8 bytes of the CMAC. */
    private static byte[] mac(byte[] key, byte[] covered) throws GeneralSecurityException {
        return Arrays.copyOf(cmac(key, covered), MAC_BYTES);
    }

    /** The session key in a TR-31 key block, version D (docs/connect.md, "Open the key block"). */
    private static byte[] unwrap(byte[] zmk, String block) throws GeneralSecurityException {
        String header = block.substring(0, 16);
        if (!header.equals("D" + padded(block.length(), 4) + "M6AC00N0000")) {
            throw new GeneralSecurityException("this is no key block of an AES-CMAC session key");
        }
        byte[] body = HexFormat.of().parseHex(block.substring(16));
        byte[] encrypted = Arrays.copyOf(body, body.length - 16);
        byte[] blockMac = Arrays.copyOfRange(body, body.length - 16, body.length);
        byte[] clear = aes(Cipher.DECRYPT_MODE, derived(zmk, 0), blockMac, encrypted);
        if (!MessageDigest.isEqual(cmac(derived(zmk, 1), concat(utf8(header), clear)), blockMac)) {
            throw new GeneralSecurityException("the key block was altered, or is under another ZMK");
        }
        int bits = (clear[0] & 0xFF) << 8 | clear[1] & 0xFF;
        return Arrays.copyOfRange(clear, 2, 2 + bits / 8);
    }

    /** The block's key for encryption (usage 0) or authentication (1), as long as the ZMK. */
    private static byte[] derived(byte[] zmk, int usage) throws GeneralSecurityException {
        int bits = zmk.length * 8;
        int algorithm = zmk.length / 8; // 2, 3, 4 for 16, 24, 32 bytes
        byte[] data = {1, 0, (byte) usage, 0, 0, (byte) algorithm, (byte) (bits >> 8), (byte) bits};
        byte[] first = cmac(zmk, data);
        data[0] = 2;
        return Arrays.copyOf(concat(first, cmac(zmk, data)), zmk.length);
    }

    /** A key's check value: 10 hex digits of the CMAC of 16 zero bytes. */
    private static String checkValue(byte[] key) throws GeneralSecurityException {
        return HexFormat.of().withUpperCase().formatHex(cmac(key, new byte[16]), 0, 5);
    }

    // 3. A link: it is opened by the bank, signs on, and has a session key of its own.

    /** What bank and insurer have agreed on. */
    private record Settings(
            String host, int port, String bank, byte[] zmk, String certificate, String key, String pin,
            int answerMillis) {}

    /** One connection. Whatever goes wrong on it ends it: then open another. */
    private static final class Link implements AutoCloseable {
        private final Settings settings;
        private final Socket socket;
        private byte[] macKey;

        /** Connects and signs on. */
        Link(Settings settings) throws NoAnswer {
            this.settings = settings;
            try {
                socket = connect(settings);
            } catch (IOException | GeneralSecurityException error) {
                throw new NoAnswer("no link: " + reason(error), error);
            }
            Message answer = ask(network(settings, "001"));
            try {
                macKey = sessionKey(settings.zmk(), answer); // from now on every message has a MAC
            } catch (GeneralSecurityException | RuntimeException error) {
                close();
                throw new NoAnswer("no sign-on: " + error.getMessage(), error);
            }
        }

        /** Sends a request and returns its answer. */
        Message ask(Message request) throws NoAnswer {
            long until = System.nanoTime() + settings.answerMillis() * 1_000_000L;
            try {
                send(request);
                while (true) {
                    Message received = receive(until);
                    if (received.mti().equals("0800")) {
                        answer(received); // the insurer asks for an echo, or tells of a new business date
                    } else if (received.fields().containsKey(39)
                            && received.get(7).equals(request.get(7))
                            && received.get(11).equals(request.get(11))) {
                        return received;
                    }
                }
            } catch (IOException | GeneralSecurityException error) { // a time-out is one too
                close();
                throw new NoAnswer("no answer to " + request.mti() + ": " + reason(error), error);
            }
        }

        /** Answers an 0800 of the insurer's: the same DE 7 and 11, DE 39 = 00, and a MAC. */
        private void answer(Message asked) throws IOException, GeneralSecurityException {
            TreeMap<Integer, String> fields = new TreeMap<>(Map.of(32, settings.bank(), 39, "00"));
            fields.put(7, asked.get(7));
            fields.put(11, asked.get(11));
            send(new Message("0810", fields));
        }

        private void send(Message message) throws IOException, GeneralSecurityException {
            byte[] body = encode(message, macKey);
            byte[] length = {(byte) (body.length >> 8), (byte) body.length};
            socket.getOutputStream().write(concat(length, body));
        }

        /** The next message. Throws IOException where none comes in time, or one not to be believed. */
        private Message receive(long until) throws IOException, GeneralSecurityException {
            long left = (until - System.nanoTime()) / 1_000_000L;
            socket.setSoTimeout((int) Math.max(1, left));
            DataInputStream stream = new DataInputStream(socket.getInputStream());
            byte[] body = new byte[stream.readUnsignedShort()];
            stream.readFully(body);
            if (macKey != null) {
                int end = Math.max(0, body.length - MAC_BYTES);
                byte[] received = Arrays.copyOfRange(body, end, body.length);
                if (!MessageDigest.isEqual(mac(macKey, Arrays.copyOf(body, end)), received)) {
                    throw new IOException("a message with a wrong MAC");
                }
            }
            try {
                return decode(body);
            } catch (RuntimeException error) {
                throw new IOException("a message that cannot be read", error);
            }
        }

        @Override
        public void close() {
            try {
                socket.close();
            } catch (IOException error) {
                OUT.println("closing: " + error.getMessage());
            }
        }
    }

    /** The key that the answer to a sign-on (or a change of keys) brings. */
    private static byte[] sessionKey(byte[] zmk, Message answer) throws GeneralSecurityException {
        if (!answer.get(39).equals("00")) {
            throw new GeneralSecurityException("answered " + answer.get(39) + " " + answer.get(44));
        }
        Map<String, String> brought = byTag(answer.get(48));
        byte[] key = unwrap(zmk, brought.get("KA"));
        if (!checkValue(key).equals(brought.get("CA"))) {
            throw new GeneralSecurityException("the session key's check value is wrong");
        }
        return key;
    }

    /** A connection, over TLS where there is a certificate. The insurer is known by its key's pin. */
    private static Socket connect(Settings settings) throws IOException, GeneralSecurityException {
        Socket plain = new Socket();
        plain.connect(new InetSocketAddress(settings.host(), settings.port()), settings.answerMillis());
        plain.setSoTimeout(settings.answerMillis());
        if (settings.certificate().isEmpty()) {
            return plain;
        }
        SSLContext context = SSLContext.getInstance("TLSv1.3");
        context.init(own(settings).getKeyManagers(), new TrustManager[] {pinned(settings.pin())}, null);
        SSLSocket secured =
                (SSLSocket) context.getSocketFactory().createSocket(plain, settings.host(), settings.port(), true);
        secured.setEnabledProtocols(new String[] {"TLSv1.3"});
        secured.startHandshake();
        return secured;
    }

    /** Our certificate and its key (PKCS #8), out of PEM files. */
    private static KeyManagerFactory own(Settings settings) throws IOException, GeneralSecurityException {
        Certificate certificate;
        try (var stream = Files.newInputStream(Path.of(settings.certificate()))) {
            certificate = CertificateFactory.getInstance("X.509").generateCertificate(stream);
        }
        String pem = Files.readString(Path.of(settings.key())).replaceAll("-----[A-Z ]+-----", "");
        var encoded = new PKCS8EncodedKeySpec(Base64.getMimeDecoder().decode(pem));
        var key = KeyFactory.getInstance(certificate.getPublicKey().getAlgorithm()).generatePrivate(encoded);
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        store.setKeyEntry("bank", key, new char[0], new Certificate[] {certificate});
        KeyManagerFactory factory = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        factory.init(store, new char[0]);
        return factory;
    }

    /** Trusts the one server whose public key (SubjectPublicKeyInfo) has this SHA-256, and nobody else. */
    private static X509TrustManager pinned(String pin) {
        return new X509TrustManager() {
            @Override
            public void checkServerTrusted(X509Certificate[] chain, String type) throws CertificateException {
                try {
                    MessageDigest digest = MessageDigest.getInstance("SHA-256");
                    byte[] shown = digest.digest(chain[0].getPublicKey().getEncoded());
                    if (!HexFormat.of().formatHex(shown).equals(pin)) {
                        throw new CertificateException("the insurer's certificate is not the pinned one");
                    }
                } catch (GeneralSecurityException error) {
                    throw new CertificateException(error.getMessage(), error);
                }
            }

            @Override
            public void checkClientTrusted(X509Certificate[] chain, String type) throws CertificateException {
                throw new CertificateException("this is a client");
            }

            @Override
            public X509Certificate[] getAcceptedIssuers() {
                return new X509Certificate[0];
            }
        };
    }

    // 4. A counter's business.

    /** A message with DE 7 and 11: with DE 32 and 41 they are a transaction's key, which must be new. Here the
     * milliseconds see to that; a real bank has a counter. */
    private static Message stamped(String mti, Settings settings) {
        LocalDateTime now = LocalDateTime.now(ZoneOffset.ofHours(8)); // Beijing
        TreeMap<Integer, String> fields = new TreeMap<>(Map.of(32, settings.bank()));
        fields.put(7, now.format(DateTimeFormatter.ofPattern("MMddHHmmss")));
        fields.put(11, padded(System.currentTimeMillis() % 1_000_000, 6));
        return new Message(mti, fields);
    }

    private static Message network(Settings settings, String code) {
        Message message = stamped("0800", settings);
        message.fields().put(70, code);
        return message;
    }

    private static Message atTheCounter(String mti, Settings settings, String code) {
        Message message = stamped(mti, settings);
        String moment = message.get(7);
        message.fields().putAll(Map.of(
                3, code, 12, moment.substring(4), 13, moment.substring(0, 4), 41, TERMINAL, 42, BRANCH));
        return message;
    }

    /** The policy's open premiums: each has DU, PC (the DE 3 that settles it), DK, DD, AM and ST. */
    private static List<Map<String, String>> premiums(Link link, Settings settings, String policy)
            throws NoAnswer {
        Message request = atTheCounter("0100", settings, "310000");
        request.fields().put(48, group("PN", policy));
        Message answer = link.ask(request);
        List<Map<String, String>> dues = new ArrayList<>();
        if (!answer.get(39).equals("00")) {
            OUT.println(("the inquiry was answered " + answer.get(39) + " " + answer.get(44)).strip());
            return dues;
        }
        for (Group group : groups(answer.get(48))) {
            if (group.tag().equals("DL") && byTag(group.value()).get("DK").equals("premium")) {
                dues.add(byTag(group.value()));
            }
        }
        return dues;
    }

    /** Collects a premium: its final answer, or null where it was reversed, and so has no effect. */
    private static Message collect(Link link, Settings settings, String policy, Map<String, String> due)
            throws InterruptedException {
        Message request = atTheCounter("0200", settings, due.get("PC"));
        request.fields().put(4, padded(Long.parseLong(due.get("AM")), 12));
        request.fields().put(37, request.get(7).substring(0, 6) + request.get(11)); // our own reference
        request.fields().put(48, group("PN", policy) + group("DU", due.get("DU")));
        request.fields().put(49, "156");
        // Here a real bank writes the request down: if the process dies after this line, it must be reversed.
        OUT.println("terminal " + TERMINAL + ", DE 7 " + request.get(7) + ", STAN " + request.get(11));
        try {
            Message answer = link.ask(request);
            if (!UNDECIDED.contains(answer.get(39))) {
                return answer;
            }
            OUT.println("not decided: " + answer.get(39) + " " + answer.get(44));
        } catch (NoAnswer error) {
            OUT.println(error.getMessage());
        }
        reverse(settings, request);
        return null;
    }

    /** Takes a transaction out of effect, whatever became of it; ends when that is answered. */
    private static void reverse(Settings settings, Message request) throws InterruptedException {
        // The reversal has a key of its own. Its repeats are the same bytes, but for the MTI and the MAC.
        Message reversal = atTheCounter("0400", settings, request.get(3));
        for (int number : new int[] {4, 37, 48, 49}) {
            reversal.fields().put(number, request.get(number));
        }
        String bank = padded(Long.parseLong(settings.bank()), 11);
        reversal.fields().put(90, "0200" + request.get(11) + request.get(7) + bank + "0".repeat(11));
        while (true) {
            // The old link may be gone, or half open: a new one is sure.
            try (Link link = new Link(settings)) {
                Message answer = link.ask(reversal);
                String said = answer.get(39) + " " + answer.get(44);
                if (Set.of("00", "21").contains(answer.get(39))) {
                    // Taken back; or it never came, and is refused if it still does.
                    OUT.println(("reversed by " + reversal.mti() + ": " + said).strip());
                    return;
                }
                OUT.println("the reversal was answered " + said);
                if (!UNDECIDED.contains(answer.get(39))) {
                    throw new IllegalStateException("the transaction stands: this is for a person");
                }
            } catch (NoAnswer error) {
                OUT.println(error.getMessage());
            }
            reversal = new Message("0401", reversal.fields());
            Thread.sleep(1000);
        }
    }

    public static void main(String[] arguments) throws Exception {
        Map<String, String> given = new HashMap<>();
        for (int place = 0; place + 1 < arguments.length; place += 2) {
            given.put(arguments[place].substring(2), arguments[place + 1]);
        }
        byte[] zmk = HexFormat.of().parseHex(Files.readString(Path.of(given.get("zmk"))).strip());
        Settings settings = new Settings(
                given.get("host"), Integer.parseInt(given.get("port")), given.get("bank"), zmk,
                given.getOrDefault("certificate", ""), given.getOrDefault("key", ""),
                given.getOrDefault("pin", ""),
                Integer.parseInt(given.getOrDefault("answer-seconds", "30")) * 1000);
        System.exit(converse(settings, given.get("policy")) ? 0 : 1);
    }

    /** Runs the whole conversation; whether a premium was collected. */
    private static boolean converse(Settings settings, String policy) throws InterruptedException {
        try (Link link = new Link(settings)) {
            OUT.println("signed on");
            OUT.println("echo: " + link.ask(network(settings, "301")).get(39));
            List<Map<String, String>> dues = premiums(link, settings, policy);
            if (dues.isEmpty()) {
                OUT.println("no premium is due");
                return false;
            }
            Map<String, String> due = dues.get(0);
            OUT.println("due: " + due.get("DU") + " " + due.get("PC") + " " + due.get("AM"));
            Message answer = collect(link, settings, policy, due);
            if (answer == null) {
                return false;
            }
            if (answer.get(39).equals("00")) {
                OUT.println("collected: 00");
                OUT.println(answer.get(62)); // the receipt: print its lines as they are
            } else {
                OUT.println("refused: " + answer.get(39) + " " + answer.get(44));
            }
            link.ask(network(settings, "002"));
            return answer.get(39).equals("00");
        } catch (NoAnswer | IllegalStateException error) {
            OUT.println(error.getMessage());
            return false;
        }
    }

    private static String reason(Throwable error) {
        if (error instanceof EOFException) {
            return "the insurer closed the link";
        }
        return error.getCause() instanceof CertificateException ? error.getCause().getMessage() : error.getMessage();
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static String text(byte[] data, int start, int end) {
        if (end > data.length) {
            throw new IllegalArgumentException("cut short");
        }
        return new String(data, start, end - start, StandardCharsets.UTF_8);
    }

    private static String padded(long number, int digits) {
        return String.format("%0" + digits + "d", number);
    }

    private static byte[] concat(byte[] first, byte[] second) {
        byte[] both = Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, both, first.length, second.length);
        return both;
    }
}
