using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Language;
using System.Threading;
using System.Threading.Tasks;

namespace RedisClusterOps.Completion;

/// <summary>
/// Completes an argument from the current state of the cluster or the journal. The user is waiting after pressing Tab: a slow or failed
/// query yields no completion, because a completer can't report an error.
/// </summary>
public abstract class ClusterCompleter : IArgumentCompleter
{
    private static readonly TimeSpan QueryTimeout = TimeSpan.FromSeconds(1.5);

    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        var word = (wordToComplete ?? string.Empty).Trim('\'', '"');
        try
        {
            return Complete(commandName, word, fakeBoundParameters ?? new Hashtable()).ToList();
        }
        catch (Exception failure) when (failure is RedisOperationException or OperationCanceledException or RuntimeException)
        {
            return [];
        }
    }

    internal abstract IEnumerable<CompletionResult> Complete(string command, string word, IDictionary bound);

    /// <summary>
    /// Queries the cluster of the command line: the one that -Cluster specifies, otherwise the default of that parameter, otherwise the
    /// current one. Returns null if there is none.
    /// </summary>
    internal static T? Query<T>(string command, IDictionary bound, Func<RedisCluster, CancellationToken, Task<T>> query)
        where T : class
    {
        if (SessionOf(command, bound) is not { } session)
            return null;
        using var limit = new CancellationTokenSource(QueryTimeout);
        var limited = session.WithTimeouts(QueryTimeout, QueryTimeout);
        using var cluster = new RedisCluster(limited) { NextActionText = NextActionText.Of };
        return query(cluster, limit.Token).GetAwaiter().GetResult();
    }

    /// <summary>Gets the value of a parameter on the command line, otherwise its default in <c>$PSDefaultParameterValues</c>.</summary>
    internal static object? ValueOf(string command, string parameter, IDictionary bound) =>
        bound.Contains(parameter) ? bound[parameter] : DefaultValues.Of(command, parameter);

    internal static CompletionResult Result(string text, string shown, string toolTip) =>
        new(text, shown, CompletionResultType.ParameterValue, toolTip);

    private static RedisClusterSession? SessionOf(string command, IDictionary bound) => ValueOf(command, "Cluster", bound) is { } named
        ? ((RedisClusterReference)new RedisClusterReferenceAttribute().Transform(null!, named)).Resolve()
        : CurrentSession.Get();

    // The engine does not pass $PSDefaultParameterValues to a completer.
    private static class DefaultValues
    {
        /// <summary>
        /// Gets the default of a parameter, whose entry may use wildcards such as <c>*-Redis*:Cluster</c>; null if there is none.
        /// </summary>
        public static object? Of(string command, string parameter)
        {
            using var shell = PowerShell.Create(RunspaceMode.CurrentRunspace);
            var variable = shell.AddScript("$PSDefaultParameterValues").Invoke().FirstOrDefault()?.BaseObject;
            if (variable is not IDictionary defaults || IsDisabled(defaults))
                return null;
            const WildcardOptions Options = WildcardOptions.IgnoreCase | WildcardOptions.CultureInvariant;
            foreach (DictionaryEntry entry in defaults)
            {
                var pattern = (Convert.ToString(entry.Key, CultureInfo.InvariantCulture) ?? string.Empty).Replace(" ", string.Empty);
                if (new WildcardPattern(pattern, Options).IsMatch(command + ":" + parameter))
                    return entry.Value is PSObject wrapped ? wrapped.BaseObject : entry.Value;
            }

            return null;
        }

        private static bool IsDisabled(IDictionary defaults) =>
            defaults.Contains("Disabled") && LanguagePrimitives.IsTrue(defaults["Disabled"]);
    }
}
