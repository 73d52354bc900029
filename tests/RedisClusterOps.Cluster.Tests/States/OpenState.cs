using System;
using System.Collections.Generic;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Completion;

namespace RedisClusterOps.Cluster.Tests.States;

/// <summary>A state that a slot can be left in, and how to create it by hand on real servers.</summary>
/// <param name="Name">Its name in the table.</param>
/// <param name="Signs">The flags and the nodes that hold keys, as text.</param>
/// <param name="MakeAsync">Brings a fresh slot into this state.</param>
internal sealed record OpenState(string Name, string Signs, Func<SlotScene, Task> MakeAsync)
{
    /// <summary>Servers on which the state cannot be created, or does not last as long as a test needs.</summary>
    public IReadOnlyList<string> NotOn { get; init; } = [];

    /// <summary>Nodes that drop cluster bus packets while the slot is in this state.</summary>
    public Func<SlotScene, IReadOnlyList<Lab.LocalNode>> Deaf { get; init; } = _ => [];

    /// <summary>Repairs by hand what a refusal leaves, so that the next test starts with a healthy cluster.</summary>
    public Func<SlotScene, Task> RestoreAsync { get; init; } = _ => Task.CompletedTask;
}
