using System.Collections;
using System.Globalization;
using System.Linq;
using System.Management.Automation;

namespace RedisClusterOps.Completion;

/// <summary>What <c>$PSDefaultParameterValues</c> says, for the engine does not tell a completer.</summary>
internal static class DefaultValues
{
    /// <summary>The default of a parameter, under its own name or a wildcard such as <c>*-Redis*:Cluster</c>; null where there is none.</summary>
    public static object? Of(string command, string parameter)
    {
        using var shell = PowerShell.Create(RunspaceMode.CurrentRunspace);
        if (shell.AddScript("$PSDefaultParameterValues").Invoke().FirstOrDefault()?.BaseObject is not IDictionary defaults || IsOff(defaults))
            return null;
        foreach (DictionaryEntry entry in defaults)
        {
            var name = Convert(entry.Key).Replace(" ", string.Empty);
            if (new WildcardPattern(name, WildcardOptions.IgnoreCase | WildcardOptions.CultureInvariant).IsMatch(command + ":" + parameter))
                return entry.Value is PSObject wrapped ? wrapped.BaseObject : entry.Value;
        }

        return null;
    }

    private static bool IsOff(IDictionary defaults) => defaults.Contains("Disabled") && LanguagePrimitives.IsTrue(defaults["Disabled"]);

    private static string Convert(object key) => System.Convert.ToString(key, CultureInfo.InvariantCulture) ?? string.Empty;
}
