using System;
using System.Management.Automation;

namespace RedisClusterOps;

/// <summary>A cmdlet that moves keys: how many at once, how fast, and what becomes of a key that both sides hold.</summary>
public abstract class KeyMovingCmdlet : SlotOperationCmdlet
{
    /// <summary>Keys per MIGRATE, 1 to 100000; 0, the default, lets <see cref="MaxStall"/> decide.</summary>
    [Parameter]
    [ValidateRange(0, 100_000)]
    public int BatchSize { get; set; }

    /// <summary>How long one MIGRATE, which blocks both nodes, should take at most while the batch size is adaptive. 10 ms unless told.</summary>
    [Parameter]
    [Duration]
    public TimeSpan MaxStall { get; set; } = TimeSpan.FromMilliseconds(10);

    /// <summary>Keys per second over the whole move; 0, the default, for as fast as it goes.</summary>
    [Parameter]
    [ValidateRange(0, int.MaxValue)]
    public int MaxKeysPerSecond { get; set; }

    /// <summary>How long one MIGRATE may wait for the target. 60 s unless told.</summary>
    [Parameter]
    [Duration]
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>What to do with a key that holds different values on both sides. Stop unless told; the losing value is always saved first.</summary>
    [Parameter]
    public KeyConflictAction OnKeyConflict { get; set; } = KeyConflictAction.Stop;

    internal override MoveOptions MoveOptions => base.MoveOptions with
    {
        BatchSize = BatchSize,
        MaxStall = MaxStall,
        MaxKeysPerSecond = MaxKeysPerSecond,
        Timeout = Timeout,
        OnKeyConflict = OnKeyConflict,
    };
}
