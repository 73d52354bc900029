using System.Globalization;

namespace RedisClusterOps.Benchmarks;

/// <summary>Names, units and formats of the metrics.</summary>
internal static class Metrics
{
    public static string NameOf(Metric metric) => metric switch
    {
        Metric.Seconds => "time",
        Metric.KeysPerSecond => "speed",
        Metric.LongestStall => "longest stall",
        Metric.LatencyP50 => "client's p50",
        Metric.LatencyP99 => "client's p99",
        Metric.MoverCpu => "mover's processor time per key",
        Metric.RoundTrips => "round trips",
        Metric.RoundTripsInARow => "in a row",
        _ => "client's slowest",
    };

    public static string UnitOf(Metric metric) => metric switch
    {
        Metric.Seconds => "s",
        Metric.KeysPerSecond => "keys/s",
        Metric.MoverCpu => "µs",
        Metric.RoundTrips or Metric.RoundTripsInARow => "count",
        _ => "ms",
    };

    public static string Text(Metric metric, double value) => metric switch
    {
        Metric.KeysPerSecond or Metric.RoundTrips or Metric.RoundTripsInARow => value.ToString("#,0", CultureInfo.InvariantCulture),
        _ => Text(value),
    };

    public static string Text(double value) => value.ToString(value switch
    {
        >= 100 or <= -100 => "0",
        >= 10 or <= -10 => "0.0",
        >= 0.1 or <= -0.1 => "0.00",
        _ => "0.0000",
    }, CultureInfo.InvariantCulture);
}

internal enum Metric
{
    Seconds,
    KeysPerSecond,
    LongestStall,
    LatencyP50,
    LatencyP99,
    LatencyMax,
    MoverCpu,
    RoundTrips,
    RoundTripsInARow,
}
