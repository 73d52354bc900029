using System;
using System.Collections.Generic;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Completion;

namespace RedisClusterOps.Cluster.Tests.States;

/// <summary>One state that a slot can be left in, and how it is made by hand on real servers.</summary>
/// <param name="Name">What the table calls it.</param>
/// <param name="Signs">The flags and where the keys are, for people.</param>
/// <param name="MakeAsync">Brings a fresh slot into it.</param>
internal sealed record OpenState(string Name, string Signs, Func<SlotScene, Task> MakeAsync)
{
    /// <summary>Servers on which it can't be made, or not kept for as long as a test needs.</summary>
    public IReadOnlyList<string> NotOn { get; init; } = [];

    /// <summary>Nodes that hear nothing of the others while the slot is in this state.</summary>
    public Func<SlotScene, IReadOnlyList<Lab.LocalNode>> Deaf { get; init; } = _ => [];

    /// <summary>Puts right by hand what a refusal left, so that the next test finds a healthy cluster.</summary>
    public Func<SlotScene, Task> RestoreAsync { get; init; } = _ => Task.CompletedTask;
}
