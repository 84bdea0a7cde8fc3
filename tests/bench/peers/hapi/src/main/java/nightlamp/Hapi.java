package nightlamp;

import ca.uhn.hl7v2.DefaultHapiContext;
import ca.uhn.hl7v2.HapiContext;
import ca.uhn.hl7v2.model.Message;
import ca.uhn.hl7v2.model.v26.group.ORU_R01_ORDER_OBSERVATION;
import ca.uhn.hl7v2.model.v26.message.ORU_R01;
import ca.uhn.hl7v2.parser.PipeParser;
import ca.uhn.hl7v2.validation.impl.ValidationContextFactory;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * HAPI HL7v2: one ORU R01 parsed into its structure, OBX-5 of every observation read as a number.
 *
 * Arguments: the message's file, "validating" or "plain", messages to warm up with. Prints the values, then for each line of
 * standard input the microseconds of one message, taken over 0.5 s.
 */
public final class Hapi {
    private static final long ROUND_NS = 500_000_000L;

    private Hapi() {}

    public static void main(String[] arguments) throws Exception {
        String text = Files.readString(Path.of(arguments[0]));
        HapiContext context = new DefaultHapiContext();
        if (arguments[1].equals("plain")) {
            context.setValidationContext(ValidationContextFactory.noValidation());
        }
        PipeParser parser = context.getPipeParser();
        StringBuilder first = new StringBuilder();
        for (double value : values(parser, text)) {
            first.append(value).append(' ');
        }
        double sum = 0;
        for (int n = Integer.parseInt(arguments[2]); n > 0; n--) {
            sum += values(parser, text)[0];
        }
        System.out.println(first.toString().trim());
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
        while (input.readLine() != null) {
            long calls = 0;
            long began = System.nanoTime();
            long spent;
            do {
                for (int n = 0; n < 100; n++) {
                    sum += values(parser, text)[0];
                }
                calls += 100;
                spent = System.nanoTime() - began;
            } while (spent < ROUND_NS);
            System.out.println(spent / 1e3 / calls);
        }
        if (sum == 0) {
            System.out.println("nothing was read");
        }
        context.close();
    }

    private static double[] values(PipeParser parser, String text) throws Exception {
        Message message = parser.parse(text);
        ORU_R01_ORDER_OBSERVATION order = ((ORU_R01) message).getPATIENT_RESULT().getORDER_OBSERVATION();
        double[] values = new double[order.getOBSERVATIONReps()];
        for (int at = 0; at < values.length; at++) {
            values[at] = Double.parseDouble(order.getOBSERVATION(at).getOBX().getObservationValue(0).getData().encode());
        }
        return values;
    }
}
