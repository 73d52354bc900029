using System;

namespace RedisClusterOps.Console.Output;

/// <summary>Where a move stands: how many keys of how many, how fast, how long yet.</summary>
/// <param name="Slots">Of many slots: such as <c>120 of 4096 slots</c>; empty of one.</param>
/// <param name="WaitsFor">What it waits for; empty for nothing.</param>
internal sealed record MovePace(long Done, long Total, TimeSpan Elapsed, string Slots = "", string WaitsFor = "")
{
    // What the first hundredth tells of the rest is noise.
    private const double LeastShareForEstimate = 0.01;

    public static MovePace Of(OperationEvent progress) => new(
        progress.KeysDone, progress.KeysTotal, progress.Elapsed, progress.SlotsTotal > 0 ? Quantity.Count(progress.SlotsDone) + " of " + Quantity.Count(progress.SlotsTotal) + " slots, " : string.Empty, progress.Message);

    /// <summary>0 to 1. Clients may write keys meanwhile, so done may pass what was counted.</summary>
    public double Share => Total <= 0 ? 0 : Math.Min(1, (double)Done / Total);

    public double PerSecond => Elapsed > TimeSpan.Zero ? Done / Elapsed.TotalSeconds : 0;

    /// <summary>Null while nothing can be said yet.</summary>
    public TimeSpan? Left => Share < LeastShareForEstimate || PerSecond <= 0
        ? null
        : TimeSpan.FromSeconds(Math.Min(Math.Max(0, Total - Done) / PerSecond, int.MaxValue));

    public override string ToString() =>
        Slots + Quantity.Count(Done) + " of " + Quantity.Keys(Total)
        + ", " + Quantity.Count((long)PerSecond) + "/s, "
        + Quantity.Time(Elapsed) + " elapsed"
        + (Left is { } left ? ", " + Quantity.Time(left) + " left" : string.Empty)
        + (WaitsFor.Length > 0 ? ", waiting: " + WaitsFor : string.Empty);
}
