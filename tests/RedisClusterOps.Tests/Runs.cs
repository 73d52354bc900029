using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation.StandIn;
using RedisClusterOps.Commands;

namespace RedisClusterOps.Tests;

/// <summary>Cmdlets on the stand-in engine, written much as one would type them.</summary>
internal static class Runs
{
    private static readonly Dictionary<string, Type> Types = CmdletClass.All.ToDictionary(cmdlet => cmdlet.Name, cmdlet => cmdlet.Type);

    /// <summary>Runs a cmdlet by its name with pairs of parameter and value.</summary>
    public static Engine Run(this Engine engine, string cmdlet, params (string Name, object? Value)[] parameters) =>
        engine.Run(Types[cmdlet], parameters.ToDictionary(p => p.Name, p => p.Value));

    /// <summary>The same with pipeline input.</summary>
    public static Engine Pipe(this Engine engine, IEnumerable<object?> input, string cmdlet, params (string Name, object? Value)[] parameters) =>
        engine.Run(Types[cmdlet], parameters.ToDictionary(p => p.Name, p => p.Value), input);

    public static IReadOnlyList<object?> OpenSlots(LabCluster lab, int slot) =>
        new Engine().Run(typeof(GetRedisOpenSlotCommand), new Dictionary<string, object?> { ["Cluster"] = lab.Entry, ["Slot"] = slot }).Output;
}
