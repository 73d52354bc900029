using System.Globalization;
using Spectre.Console;

namespace RedisClusterOps.Console.Output;

/// <summary>What became of a slot, in one line.</summary>
internal static class ResultLine
{
    public static void Write(Screen screen, RedisSlotMigrationResult result, RedisOperationException? failure)
    {
        screen.Out.Write(new Text(Word(result, failure), new Style(ColorOf(result, failure))));
        screen.Out.WriteLine("  slot " + result.Slot.ToString(CultureInfo.InvariantCulture) + (result.Target is null ? string.Empty : What(result)));
        if (failure is null && result.Reason is not null)
            screen.Out.WriteLine("  " + result.Reason);
    }

    private static string Word(RedisSlotMigrationResult result, RedisOperationException? failure) =>
        failure is { Code: FailureCode.Stopped } ? nameof(FailureCode.Stopped)
        : result is { Operation: "Start", Outcome: MigrationOutcome.Restarted } ? "Started"
        : result.Outcome.ToString();

    private static Color ColorOf(RedisSlotMigrationResult result, RedisOperationException? failure) =>
        failure is { Code: FailureCode.Stopped } ? Color.Yellow : result.Outcome == MigrationOutcome.Failed ? Color.Red : Color.Green;

    private static string What(RedisSlotMigrationResult result)
    {
        var ends = result.Source is null ? result.Target! : result.Source + (result.Operation == "Undo" ? " <- " : " -> ") + result.Target;
        return "  " + ends
            + "  " + Quantity.Keys(result.KeysMoved) + " moved"
            + (result.KeysConflicting > 0 ? ", " + Quantity.Count(result.KeysConflicting) + " conflicting" : string.Empty)
            + "  " + Quantity.Time(result.Elapsed);
    }
}
