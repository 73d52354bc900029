using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Processes;

namespace RedisClusterOps.Cluster.Tests.Framework;

/// <summary>
/// Runs tests/RedisClusterOps.FrameworkHarness under Mono, in a home folder of its own. Missing Mono or harness is a failure.
/// </summary>
internal static class MonoProcess
{
    // The whole job takes seconds. A hang ends here instead of in the time limit of a whole test run.
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    private static string Harness => typeof(MonoProcess).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(metadata => metadata.Key == "FrameworkHarness").Value!;

    public static async Task<ProcessEnd> RunAsync(DirectoryInfo home, IEnumerable<string> arguments)
    {
        var harness = File.Exists(Harness)
            ? Harness
            : throw new FileNotFoundException("Build tests/RedisClusterOps.FrameworkHarness first.", Harness);
        var start = new ProcessStartInfo(Servers.PathOf("mono", "mono"), [harness, .. arguments]);
        // Mono keeps certificate stores and settings in these folders. Those of the user must not affect a test.
        foreach (var name in new[] { "HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME" })
            start.Environment[name] = home.FullName;
        return await ChildProcess.RunAsync(start, within: Limit);
    }
}
