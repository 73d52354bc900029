using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;

namespace RedisClusterOps.Benchmarks;

/// <summary>Where it was measured.</summary>
internal static class Machine
{
    public static IReadOnlyList<string> Describe(IEnumerable<string> servers) =>
    [
        "Processor: " + string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessorCount} cores, {Processor ?? RuntimeInformation.ProcessArchitecture.ToString()}"),
        "Memory: " + string.Create(CultureInfo.InvariantCulture, $"{GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (1024.0 * 1024 * 1024):0} GiB"),
        "System: " + RuntimeInformation.OSDescription + ", " + RuntimeInformation.FrameworkDescription,
        "Servers: " + string.Join(", ", servers),
        "Date: " + DateTime.UtcNow.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
    ];

    private static string? Processor => File.Exists("/proc/cpuinfo")
        ? File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':', 2)[1].Trim()
        : null;
}
