namespace RedisClusterOps.Migration.Bulk;

/// <summary>The next action after a run that ended before its work was done: to resume it.</summary>
internal static class RunResume
{
    /// <param name="migrationId">The run; null without a journal. Then open slots are completed as their flags say.</param>
    /// <param name="options">The options of the run.</param>
    public static NextAction Of(string? migrationId, MoveOptions options) =>
        new(NextActionCode.Resume) { MigrationId = migrationId, JournalPath = options.JournalPath };

    /// <summary>The same, with what has to be true before.</summary>
    public static NextAction After(RedisOperationException failure, string? migrationId, MoveOptions options) =>
        Of(migrationId, options) with { Note = ConditionOf(failure) };

    /// <summary>The same failure. If it ends a run, its next action is to resume the run.</summary>
    public static RedisOperationException Of(RedisOperationException failure, string? migrationId, MoveOptions options) =>
        !Ends(failure) || failure.Next?.Code == NextActionCode.Resume ? failure : new RedisOperationException(
            failure.Code, failure.Message, failure.Subject, After(failure, migrationId, options), failure);

    /// <summary>True if a failure ends a run or its pair of masters, so that a resume is the way on.</summary>
    public static bool Ends(RedisOperationException failure) => failure.ConcernsWholeCluster || failure.Code
        is FailureCode.NodeUnreachable or FailureCode.ConnectionFailed or FailureCode.Stopped or FailureCode.TargetOutOfMemory
        or FailureCode.PermissionDenied or FailureCode.AuthenticationFailed or FailureCode.NodeBusy or FailureCode.NodeLoading
        or FailureCode.TooManyClients or FailureCode.WritesRefused or FailureCode.Unexpected;

    private static string? ConditionOf(RedisOperationException failure) => failure.Code switch
    {
        FailureCode.AuthenticationFailed => "after connecting again with the user name and password that are valid now",
        FailureCode.PermissionDenied => "once the user has the right again: ACL GETUSER on that node shows its rights",
        FailureCode.ConnectionFailed or FailureCode.NodeUnreachable =>
            "once " + (failure.Subject ?? "the node") + " answers, or is forgotten",
        FailureCode.TargetOutOfMemory => "once " + (failure.Subject ?? "the target") + " has memory for the keys",
        FailureCode.JournalUnavailable => "once the journal can be written",
        FailureCode.AnotherToolAtWork => "once the other run has ended",
        _ => null,
    };
}
